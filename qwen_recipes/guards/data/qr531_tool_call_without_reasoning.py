"""Tool call without reasoning.

What:
The answer after a tool result has reasoning, but the tool call before it has none.

Why it matters:
The template keeps the reasoning of every step since the last question. The model learns to call tools without
reasoning and to reason afterwards. Converters from formats with a separate turn for tool calls often lose it.

Evidence:
Cases: `tests/guards/rows/QR531.yaml`.

Instead:
Put the reasoning into `reasoning_content` of the message with `tool_calls`, or remove all reasoning from the example.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.data.parsed_row import has_reasoning, has_tool_call
from qwen_recipes.data.rows.messages import Message
from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first call without a thought in a question's answer that has one."""
    if row.variant == "instruct-2507" or not any(map(has_tool_call, row.answers)):
        return
    steps: list[Message] = []
    for turn in [*row.turns, {"role": "user"}]:
        if turn.get("role") == "assistant":
            steps.append(turn)
        elif turn.get("role") == "user":
            bare = [step for step in steps if has_tool_call(step) and not has_reasoning(step)]
            if bare and any(map(has_reasoning, steps)):
                yield RowViolation("a tool call without reasoning, before an answer with reasoning", str(bare[0]))
                return
            steps = []


GUARD = make_row_guard("QR531", "tool-call-without-reasoning", "warning", __doc__, check)
