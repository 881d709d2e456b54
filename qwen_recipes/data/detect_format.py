"""Which layout rows have, by what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qwen_recipes.data.row_reader import CHUNK_BYTES, ByteRange, FilePart, MissingReaderError, read_raw_rows, split_file

ROW_FORMATS = ("messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt")
"""As in a recipe's `data.train[].format`."""
ROWS_INSPECTED = 20
"""Rows."""


def detect_format(row: Any) -> str | None:
    """The layout whose keys a row has; None where it has none's."""
    if not isinstance(row, dict):
        return None
    if "chosen" in row and "rejected" in row:
        return "preference"
    if isinstance(row.get("label"), bool) and ("completion" in row or "messages" in row):
        return "kto"
    by_key = {
        "messages": "messages",
        "conversations": "sharegpt",
        "instruction": "alpaca",
        "completion": "prompt-completion",
        "text": "text",
        "prompt": "prompt",
    }
    return next((layout for key, layout in by_key.items() if key in row), None)


def detect_file_format(path: Path) -> str | None:
    """The layout of a file's first rows that have one. Raises OSError."""
    try:
        for number, record in enumerate(r for work in split_file(path) for r in read_raw_rows(_shorten_part(work))):
            layout = detect_format(record.row)
            if layout or number >= ROWS_INSPECTED:
                return layout
    except MissingReaderError:
        return None
    return None


def _shorten_part(part: FilePart) -> FilePart:
    """The beginning of the stretch: what is looked at is no more than that."""
    return (
        ByteRange(part.path, part.start, min(part.end, CHUNK_BYTES), part.size) if isinstance(part, ByteRange) else part
    )
