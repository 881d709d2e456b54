"""Reasoning in only some answers of a conversation.

What:
An example has several answers in the loss, some with reasoning and some without, and no soft switch.

Why it matters:
Under `chat.turns: split` each answer becomes a separate example. Some of them teach a hybrid model to reason and
others not to, for the same kind of prompt.

Evidence:
The report of `recipes data check` counts answers with reasoning. Cases: `tests/guards/rows/QR530.yaml`.

Instead:
Add reasoning to every answer, remove it from all of them (`recipes data prepare --think remove`), or write `/think`
and `/no_think` into the questions. To keep an answer without reasoning as context only, mark it `train: false`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.data.parsed_row import has_reasoning, has_tool_call
from qwen_recipes.data.rows.layouts import CONVERSATION_FORMATS
from qwen_recipes.guards.data.qr529_soft_switch_without_effect import SWITCH
from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """How many of the answers that carry loss reason, where it is neither all nor none."""
    if row.row_format not in CONVERSATION_FORMATS or row.variant == "instruct-2507" or len(row.answers) < 2:
        return
    if row.train_on == "last-assistant":
        return
    trained = [turn for turn in row.answers if not has_tool_call(turn) and turn.get("train") is not False]
    reasoned = sum(map(has_reasoning, trained))
    if 0 < reasoned < len(trained) and not SWITCH.search(row.all_text):
        yield RowViolation(f"{reasoned} of {len(trained)} answers have reasoning", str(trained[0].get("content") or ""))


GUARD = make_row_guard("QR530", "reasoning-in-some-turns", "warning", __doc__, check)
