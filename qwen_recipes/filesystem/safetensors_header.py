"""The header of a safetensors file: JSON after eight bytes of its length, in front of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.read_file import parse_json
from qwen_recipes.filesystem.regular_file import open_regular_file

LENGTH_BYTES = 8
"""Bytes of the length in front of the header."""
MAX_HEADER_BYTES = 100_000_000
"""Bytes of the longest header that safetensors reads."""


def read_safetensors_header(path: Path) -> tuple[Any, int]:
    """The header's value, None where the file has none, and the bytes in front of the weights.

    Raises OSError, and ValueError where it is no UTF-8 or no JSON.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), "little")
        text = file.read(length).decode("utf-8") if 2 <= length <= min(size, MAX_HEADER_BYTES) else "null"
    return parse_json(text), LENGTH_BYTES + length
