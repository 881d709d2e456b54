"""Last message is not the assistant's.

What:
The conversation ends with a question, a tool result, or a system message.

Why it matters:
Tokens after the last answer are not in the loss and only cost memory. Often the conversation was truncated. Under
`train_on: last-assistant` the frameworks disagree about which turn is the last.

Evidence:
The program that prepares the rows (`rows/` in the compiled folder) drops and counts them.
LLaMA-Factory 0.9.5 drops conversations with an odd number of turns, with a warning in its log.

Instead:
End the conversation with the last answer; `recipes data prepare --split-turns` does so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """A conversation that ends with somebody else."""
    if row.row_format not in ("messages", "sharegpt") or not row.answers:
        return
    last = row.turns[-1]
    if last.get("role") != "assistant":
        yield RowViolation(f"the last message has the role {last.get('role')}", str(last.get("content") or ""))


GUARD = make_row_guard("QR504", "assistant-not-last", "error", __doc__, check)
