"""Which layout rows have, by what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qwen_recipes.data.reading import STRETCH, NoReader, Stretch, Work, records, works

ALL_LAYOUTS = ("messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt")
"""As in a recipe's `data.train[].format`."""
LOOKED_AT = 20
"""Rows."""


def layout_of(row: Any) -> str | None:
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


def layout_of_file(path: Path) -> str | None:
    """The layout of a file's first rows that have one. Raises OSError."""
    try:
        for number, record in enumerate(r for work in works(path) for r in records(_shorter(work))):
            layout = layout_of(record.row)
            if layout or number >= LOOKED_AT:
                return layout
    except NoReader:
        return None
    return None


def _shorter(work: Work) -> Work:
    """The beginning of the stretch: what is looked at is no more than that."""
    return Stretch(work.path, work.start, min(work.end, STRETCH), work.size) if isinstance(work, Stretch) else work
