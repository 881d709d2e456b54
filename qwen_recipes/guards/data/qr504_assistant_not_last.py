"""The last message is not the assistant's.

What:
A conversation ends with a question, a tool's result, or a system message.

Why it matters:
What comes after the last answer carries no loss; it costs memory only. Often it is the sign of a conversation
that was cut. Under `train_on: last-assistant` frameworks disagree about which turn that is.

Evidence:
The rows program leaves such rows out and counts them. LLaMA-Factory 0.9.5 drops conversations with an odd
number of turns, with a warning in its log.

Instead:
Cut the conversation behind the last answer; `recipes data prepare --split-turns` does so.
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
        yield RowViolation(f"the last message is the {last.get('role')}'s", str(last.get("content") or ""))


GUARD = make_row_guard("QR504", "assistant-not-last", "error", __doc__, check)
