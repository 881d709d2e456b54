"""No assistant turn.

What:
The conversation has no assistant message.

Why it matters:
The loss is on the assistant's turns, so there is nothing to learn from this example. Frameworks drop it, or train on
labels that are all masked, which divides by zero if the batch has no other example.

Evidence:
The program that prepares the rows drops and counts them (`qwen_recipes/data/rows/messages.py`).

Instead:
Remove the example, or train on plain text with `objective: pretrain`.
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
        yield RowViolation("no assistant turn", str(row.turns[-1].get("content") or ""))


GUARD = make_row_guard("QR503", "no-assistant", "error", __doc__, check)
