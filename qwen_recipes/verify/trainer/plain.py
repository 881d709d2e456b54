"""Any value as JSON: numbers, texts, lists and maps stay what they are, other things give their name."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LONGEST = 200
"""Of entries in a list or map, and of characters in the text of an unknown object."""


def to_plain(value: object) -> object:
    """`value` as a JSON value; a float that JSON has no word for becomes its text."""
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in list(value.items())[:LONGEST]}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in _sort_set(value)[:LONGEST]]
    return _describe_object(value)


def _sort_set(value: Any) -> list[Any]:
    return sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)


def _describe_object(value: Any) -> Any:
    if hasattr(value, "numel"):
        return to_plain(value.tolist()) if value.numel() <= LONGEST else f"tensor of shape {list(value.shape)}"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = str(value)
    return name_class(value) if text.startswith("<") or len(text) > LONGEST else text


def name_class(value: object) -> str:
    """The full name of an object's class."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_plain(value: object) -> bool:
    """Whether a value is a number, text, switch or None, or a short list or map of these."""
    if value is None or isinstance(value, bool | int | float | str | enum.Enum):
        return True
    if isinstance(value, list | tuple | set):
        return len(value) <= LONGEST and all(is_plain(item) for item in value)
    return isinstance(value, Mapping) and len(value) <= LONGEST and all(is_plain(item) for item in value.values())


def list_settings(thing: object) -> dict[str, object]:
    """The public plain attributes that an object itself holds."""
    held = vars(thing) if hasattr(thing, "__dict__") else {}
    return {name: to_plain(value) for name, value in held.items() if not name.startswith("_") and is_plain(value)}
