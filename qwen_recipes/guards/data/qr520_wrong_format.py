"""Example does not match its format.

What:
An example is not a map, lacks a column that its `format` needs, or has something other than text in it.

Why it matters:
Such an example is dropped before training. If there are many, `format` or `columns` names the wrong layout.

Evidence:
Examples are read by the same program that prepares the rows of every run (`qwen_recipes/data/rows/formats.py`).

Instead:
Set the layout of the data (`format`, `columns`), or repair the example.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Why the row is none; other guards may have said it in better words."""
    if row.normalized is None:
        yield RowViolation(row.problem, json.dumps(row.row, ensure_ascii=False, default=str)[:400])


GUARD = make_row_guard("QR520", "layout", "error", __doc__, check)
