"""How much of a file is read as one row, and how much as one file. Each can be changed by an environment variable."""

from __future__ import annotations

import os


def _read_number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and 0 < len(text) < 10 and int(text) else default


MAX_ROW_BYTES = _read_number("RECIPES_MAX_ROW_MIB", 16) << 20
"""Bytes of a row as it is written, at most, and of blanks in a row; for text in other encodings, characters."""
MAX_DEPTH = _read_number("RECIPES_MAX_ROW_DEPTH", 512)
"""Lists and maps within each other, at most."""
MAX_EXPANSION = _read_number("RECIPES_MAX_EXPANSION", 200)
"""How many times its size a compressed file may become; text of conversations becomes 3 to 30 times."""
MIN_EXPANDED_BYTES = 64 << 20
"""Bytes that any compressed file may become."""
MIN_ROW_BYTES = 256
"""Bytes that each row of such a file counts as, at least: rows of nothing take time too."""
MAX_FILES = 10_000
"""Files that a folder or a pattern may stand for."""
MAX_ENTRIES = 200_000
"""Files and folders that are looked at to find them."""


def get_expanded_limit(size: int) -> int:
    """Bytes that the rows of a compressed file of this size may have together."""
    return max(MIN_EXPANDED_BYTES, MAX_EXPANSION * size)


def explain_expansion(what: str) -> str:
    """Why a file is not read on that becomes much larger than it is."""
    return f"{what} expands to more than {MAX_EXPANSION} times its size; RECIPES_MAX_EXPANSION allows more"


def measure_value(value: object) -> int:
    """About the bytes that a row's value takes: of its text, and some for everything in it."""
    left, size = [value], 0
    while left:
        one = left.pop()
        size += len(one) + 32 if isinstance(one, str | bytes) else 32
        left += _list_inner(one)
    return size


def is_too_deep(value: object, opening_marks: int) -> bool:
    """Whether lists and maps lie deeper in each other than MAX_DEPTH; `opening_marks` is how many the text has."""
    if opening_marks <= MAX_DEPTH:
        return False
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            return True
        level = [inner for one in level for inner in _list_inner(one)]
    return False


def _list_inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
