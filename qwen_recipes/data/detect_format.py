"""Which format the rows of a file have, by what is in them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from qwen_recipes.data.rows.layouts import FORMATS, detect_format
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
