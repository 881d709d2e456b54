"""What a row is, and what is wrong with one."""

from __future__ import annotations

from typing import Any, NamedTuple

Message = dict[str, Any]
"""In our form: `role` and `content`, and `train: False` where a flag takes it out of the loss."""
Row = dict[str, Any]


_TYPES = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "a map"}


def describe_type(value: object) -> str:
    """What a value of a row is, in words."""
    return _TYPES.get(type(value), "nothing" if value is None else "no text")


class BadRowError(ValueError):
    """A row that can't be trained on, and why."""


class MissingReaderError(ModuleNotFoundError):
    """A form of file that needs a package which is not there."""


class RawRow(NamedTuple):
    """A row and its line (or number, where a file has no lines); `problem` says why there is none."""

    number: int
    row: Any
    problem: str = ""
    text: str = ""
