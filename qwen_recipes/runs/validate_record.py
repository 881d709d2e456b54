"""A record's JSON as its dataclass, whoever wrote the file."""

from __future__ import annotations

import math
from typing import TypeVar

Record = TypeVar("Record")
MAX_NUMBER = 10**300
"""JSON's numbers have no end; what is larger can be neither divided nor written."""


def validate_record(kind: type[Record], data: object) -> Record:
    """The record; numbers that are none (NaN) count as missing, keys that are not known are left out.

    Raises ValueError where a value is of another type, endless, or text that can't be written.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(_make_plain(data))


def _make_plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(_make_plain(key)): _make_plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_make_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise ValueError("a number without end")
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError is a ValueError
    return value
