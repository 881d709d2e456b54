"""Preference pair without a preference.

What:
Both answers are the same, one is empty, or they have different shapes (text and a list of messages).

Why it matters:
The loss compares the two answers: equal ones have no useful gradient, and any answer beats an empty one.

Evidence:
The program that prepares the rows drops and counts equal pairs (`qwen_recipes/data/rows/formats.py`).

Instead:
Remove the example, or write a worse answer for `rejected`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Sides that are equal, empty, or of different kinds."""
    if row.row_format != "preference":
        return
    better, worse = (_read_text(row.arranged.get(side)) for side in ("chosen", "rejected"))
    if better is None or worse is None:
        return
    if better == worse:
        yield RowViolation("chosen and rejected are the same", str(better))
    elif not better or not worse:
        yield RowViolation(f"{'chosen' if not better else 'rejected'} is empty", str(better or worse))
    elif isinstance(better, str) != isinstance(worse, str):
        yield RowViolation("one side is text and the other a list", str(better))


def _read_text(side: object) -> object:
    """The text of a message of text alone, as ms-swift's `rejected_response` stands beside; anything else as it is."""
    alone = isinstance(side, dict) and side.keys() <= {"role", "content"} and isinstance(side.get("content"), str)
    return side["content"] if alone and isinstance(side, dict) else side


GUARD = make_row_guard("QR511", "pair", "error", __doc__, check)
