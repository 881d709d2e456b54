"""A record's JSON as its dataclass, whoever wrote the file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

Record = TypeVar("Record")
MAX_NUMBER = 1e300
"""JSON's numbers have no end; what is larger can be neither divided nor written."""


def validate_record(kind: type[Record], data: object, shape: type[BaseModel] | None = None) -> Record:
    """The record; numbers that are none (NaN) count as missing, keys that are not known are left out.

    `shape`: what its lists and maps have to hold. Raises ValueError where a value is of another type, above
    MAX_NUMBER, or text that can't be written.
    """
    from pydantic import TypeAdapter

    plain = make_plain(data)
    if shape is not None:
        shape.model_validate(plain)
    return TypeAdapter(kind).validate_python(plain)


def make_plain(value: object) -> object:
    """JSON's value with None for numbers that are none. Raises ValueError, as `validate_record` says."""
    if isinstance(value, dict):
        return {str(make_plain(key)): make_plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [make_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (int, float)) and abs(value) > MAX_NUMBER:
        raise ValueError(f"a number above {MAX_NUMBER:.0e}")
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError is a ValueError
    return value
