"""What may stand behind a key. Each kind takes a value as pydantic's strict models do, or says that it does not fit.

`parts.py` is written in these words from the models, which alone say why something does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import Any, Protocol, TypeVar

from qwen_recipes.recipe.part import Part

Some = TypeVar("Some", bound=Part)


class Misfit(Exception):
    """A value that can't stand where it stands."""


class Kind(Protocol):
    """What may stand behind a key."""

    def fit(self, value: Any) -> Any:
        """The value as it is meant. Raises Misfit."""


class Anything:
    """Whatever YAML holds."""

    def fit(self, value: Any) -> Any:
        """The value. Raises Misfit never."""
        return value


class Text:
    """Text of so many characters; `pattern` is for all of it."""

    def __init__(self, min_length: int = 0, max_length: float = inf, pattern: str = "") -> None:
        self.shortest, self.longest, self.pattern = min_length, max_length, pattern

    def fit(self, value: Any) -> str:
        """The text. Raises Misfit."""
        if type(value) is not str or not self.shortest <= len(value) <= self.longest:
            raise Misfit
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise Misfit
        return value


class Switch:
    """True or false."""

    def fit(self, value: Any) -> bool:
        """The switch. Raises Misfit."""
        if type(value) is not bool:
            raise Misfit
        return value


class _Bounds:
    """From where to where a number goes: `ge` and `le` with the ends, `gt` and `lt` without."""

    def __init__(self, ge: float = -inf, gt: float = -inf, le: float = inf, lt: float = inf) -> None:
        self.ge, self.gt, self.le, self.lt = ge, gt, le, lt

    def holds(self, value: float) -> bool:
        """Whether the number is finite and inside."""
        return self.ge <= value <= self.le and self.gt < value < self.lt


class Whole(_Bounds):
    """A whole number; true and 1.0 are none."""

    def fit(self, value: Any) -> int:
        """The number. Raises Misfit."""
        if type(value) is not int or not self.holds(value):
            raise Misfit
        return value


class Number(_Bounds):
    """A finite number; a whole one becomes a float."""

    def fit(self, value: Any) -> float:
        """The number. Raises Misfit."""
        if type(value) not in (int, float) or not self.holds(value):
            raise Misfit
        return float(value)


class OneOf:
    """One of a few words or numbers. True and 1.0 are 1 here, as they are for pydantic."""

    def __init__(self, *choices: str | int) -> None:
        self.choices = choices

    def fit(self, value: Any) -> str | int:
        """The word. Raises Misfit."""
        if isinstance(value, (str, int, float)) and value in self.choices:
            return self.choices[self.choices.index(value)]
        raise Misfit


class ListOf:
    """A list of so many of one kind."""

    def __init__(self, kind: Kind, min_length: int = 0, max_length: float = inf) -> None:
        self.kind, self.shortest, self.longest = kind, min_length, max_length

    def fit(self, value: Any) -> list[Any]:
        """The list. Raises Misfit."""
        if type(value) is not list or not self.shortest <= len(value) <= self.longest:
            raise Misfit
        return [self.kind.fit(item) for item in value]


class MapOf:
    """A map with keys of one's own."""

    def __init__(self, key: Kind, kind: Kind) -> None:
        self.key, self.kind = key, kind

    def fit(self, value: Any) -> dict[str, Any]:
        """The map. Raises Misfit."""
        if type(value) is not dict:
            raise Misfit
        return {self.key.fit(name): self.kind.fit(inner) for name, inner in value.items()}


class PartOf:
    """A map of the spec."""

    def __init__(self, part: type[Part]) -> None:
        self.part = part

    def fit(self, value: Any) -> Part:
        """The part. Raises Misfit."""
        return fit(self.part, value)


class Either:
    """The first that fits."""

    def __init__(self, *kinds: Kind) -> None:
        self.kinds = kinds

    def fit(self, value: Any) -> Any:
        """The value. Raises Misfit."""
        for kind in self.kinds:
            try:
                return kind.fit(value)
            except Misfit:
                continue
        raise Misfit


class Short:
    """A kind that has a short way of being written; `form` makes the long one of it."""

    def __init__(self, form: Callable[[Any], Any], kind: Kind) -> None:
        self.form, self.kind = form, kind

    def fit(self, value: Any) -> Any:
        """The value. Raises Misfit."""
        return self.kind.fit(self.form(value))


def fit(part: type[Some], value: Any) -> Some:
    """The part that a map says. Raises Misfit; None is what is left out."""
    if type(value) is not dict or not all(name in value for name in part.required):
        raise Misfit
    kinds, fitted = part.kinds, {}
    for name, inner in value.items():
        kind = kinds.get(name)
        if kind is None or (inner is None and name in part.required):
            raise Misfit
        fitted[name] = None if inner is None else kind.fit(inner)
    return part(**fitted)
