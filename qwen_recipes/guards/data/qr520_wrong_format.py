"""A row that is not laid out as the recipe says.

What:
A row is not a map, lacks what its `format` needs, or has it as something else than text.

Why it matters:
Such a row is left out before training. Where it is many, `format` or `columns` names the wrong layout.

Evidence:
The reading is the one of the rows program that prepares every training (`qwen_recipes/data/rows/formats.py`).

Instead:
Say how the rows are laid out (`format`, `columns`), or repair the row.
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
