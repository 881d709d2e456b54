"""Which format the rows of a file have, by what is in them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from qwen_recipes.data.rows.layouts import FORMATS, detect_format, explain_unknown_columns
from qwen_recipes.data.rows.row_reader import MissingReaderError, read_file_rows

ROW_FORMATS = FORMATS
"""As in a recipe's `data.train[].format`."""
ROWS_INSPECTED = 20
"""Rows."""


def detect_file_format(path: Path, encoding: str = "") -> str | None:
    """The format of the first of a file's rows that has one. Raises OSError."""
    try:
        found = (detect_format(record.row) for record in islice(read_file_rows(path, encoding), ROWS_INSPECTED))
        return next((name for name in found if name), None)
    except MissingReaderError:
        return None


def explain_unknown_layout(path: Path, encoding: str = "") -> str:
    """Why none of a file's first rows has a known format. Raises OSError."""
    try:
        first = next(read_file_rows(path, encoding), None)
    except MissingReaderError as error:
        return str(error)
    if first is None:
        return "the file has no rows"
    if first.problem:
        return f"row {first.number}: {first.problem}"
    named = explain_unknown_columns(first.row) if isinstance(first.row, dict) else f"row {first.number} is not a map"
    return f"{named}; see docs/reference/data-formats.md"
