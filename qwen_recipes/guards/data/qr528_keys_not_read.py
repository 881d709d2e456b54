"""Keys that are not read.

What:
An example or a message has a key that changes training in a framework or in OpenAI's API (`images`, `function_call`,
`loss_scale`, `rejected_response` …), and the layout of the example has no place for it.

Why it matters:
The value does not reach the model, so the model is not trained on the conversation that the data describes. Other keys
that nothing reads (`id`, `source`) are counted in the report and are not findings.

Evidence:
The keys that each layout reads (`qwen_recipes/data/rows/unread_keys.py`); the program that prepares the rows of every
run counts the same. Cases: `tests/guards/rows/QR528.yaml`.

Instead:
Set the layout that reads it (`format`), map it with `columns`, or move it to where it is read: tool calls to
`tool_calls`, reasoning to `reasoning_content`. Remove the key if you do not need it.
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
        yield RowViolation(f"not read: {', '.join(f'`{key}`' for key in keys)}", row.all_text)


GUARD = make_row_guard("QR528", "keys-not-read", "warning", __doc__, check)
