"""Values that remember which field of the plan they are.

Templates compare and print them like plain values; what is printed can be traced back to the recipe.
"""

from __future__ import annotations

from typing import Any


class TracedValue:
    """Anything with a `path`, the dotted name of the plan's field."""

    path: str


class TracedBool(TracedValue):
    """True or false."""

    def __init__(self, value: bool, path: str) -> None:
        self.value, self.path = value, path

    def __bool__(self) -> bool:
        return self.value

    def __eq__(self, other: object) -> bool:
        return self.value == (other.value if isinstance(other, TracedBool) else other)

    def __hash__(self) -> int:
        return hash(self.value)


class TracedStr(str, TracedValue):
    """Text; comparing it gives a TracedBool of the same field."""

    def __eq__(self, other: object) -> Any:
        return TracedBool(str.__eq__(self, other) is True, self.path)

    def __ne__(self, other: object) -> Any:
        return TracedBool(str.__eq__(self, other) is not True, self.path)

    def __hash__(self) -> int:
        return str.__hash__(self)


class TracedInt(int, TracedValue):
    """A whole number; comparing it gives a TracedBool of the same field."""

    def __eq__(self, other: object) -> Any:
        return TracedBool(int.__eq__(self, other) is True, self.path)

    def __ne__(self, other: object) -> Any:
        return TracedBool(int.__eq__(self, other) is not True, self.path)

    def __hash__(self) -> int:
        return int.__hash__(self)


class TracedFloat(float, TracedValue):
    """A number."""


class TracedTuple(tuple[Any, ...], TracedValue):
    """Several values."""


def trace_value(value: object, path: str) -> object:
    """`value` with its path; None and maps stay as they are."""
    if isinstance(value, bool):
        return TracedBool(value, path)
    kinds: tuple[tuple[Any, Any], ...] = (
        (TracedStr, str),
        (TracedInt, int),
        (TracedFloat, float),
        (TracedTuple, (tuple, list)),
    )
    for kind, base in kinds:
        if isinstance(value, base):
            made = kind(value)
            made.path = path
            return made
    return value


def untrace_value(value: object) -> object:
    """The value without its path."""
    if isinstance(value, TracedBool):
        return value.value
    for kind in (str, int, float):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind(value)
    if isinstance(value, (list, tuple)):
        return [untrace_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): untrace_value(item) for key, item in value.items()}
    return value
