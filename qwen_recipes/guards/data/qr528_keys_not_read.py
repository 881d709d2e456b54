"""A key that changes training elsewhere is not read.

What:
A row or a message holds a key that a framework or OpenAI's API gives a meaning for training (`images`, `function_call`,
`loss_scale`, `rejected_response` …), and the layout that the row is read by has no place for it.

Why it matters:
What stands there does not reach the model: it is trained on another conversation than the row tells. Other keys that
nothing reads (`id`, `source`) are counted in the report and are no finding.

Evidence:
The keys that each layout reads (`qwen_recipes/data/rows/unread_keys.py`); the rows program that prepares every training
counts the same. Cases: `tests/guards/rows/QR528.yaml`.

Instead:
Name the layout that reads it (`format`), map it with `columns`, or move it to where it is read: tool calls into
`tool_calls`, reasoning into `reasoning_content`. Remove the key where it is not meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.data.rows.unread_keys import find_unread_keys, is_training_key
from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Keys with a meaning that the row's layout does not read, all in one violation."""
    keys = [key for key in find_unread_keys(row.row, row.row_format, row.columns) if is_training_key(key)]
    if keys:
        yield RowViolation(f"nothing reads {', '.join(f'`{key}`' for key in keys)}", row.all_text)


GUARD = make_row_guard("QR528", "keys-not-read", "warning", __doc__, check)
