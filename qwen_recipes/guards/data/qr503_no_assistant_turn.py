"""No assistant turn.

What:
A conversation in which the assistant says nothing.

Why it matters:
Loss is on the assistant's turns: there is nothing to learn from such a row. Frameworks drop it, or train on a
row whose labels are all masked, which divides by zero in a batch of its own.

Evidence:
The rows program leaves such rows out and counts them (`qwen_recipes/data/rows/messages.py`).

Instead:
Remove the row, or train on plain text with `objective: pretrain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """A conversation without an answer."""
    if row.row_format in ("messages", "sharegpt") and row.turns and not row.answers:
        yield RowViolation("no assistant turn: nothing to learn from", str(row.turns[-1].get("content") or ""))


GUARD = make_row_guard("QR503", "no-assistant", "error", __doc__, check)
