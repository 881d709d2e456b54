"""What may stand behind a key. Each kind takes a value as pydantic's strict models do, or says that it does not fit.

`recipe/parts/` is written in these words from the models, which alone say why something does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.recipe.part import FieldKind, RecipePart

SomePart = TypeVar("SomePart", bound=RecipePart)


class InvalidValueError(QwenRecipesError):
    """A value that can't stand where it stands."""


class AnyValue:
    """Whatever YAML holds."""

    def parse_value(self, value: Any) -> Any:
        """The value. Raises InvalidValueError never."""
        return value


class String:
    """Text of so many characters; `pattern` is for all of it."""

    def __init__(self, min_length: int = 0, max_length: float = inf, pattern: str = "") -> None:
        self.shortest, self.longest, self.pattern = min_length, max_length, pattern

    def parse_value(self, value: Any) -> str:
        """The text. Raises InvalidValueError."""
        if type(value) is not str or not self.shortest <= len(value) <= self.longest:
            raise InvalidValueError
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise InvalidValueError
        return value


class Boolean:
    """True or false."""

    def parse_value(self, value: Any) -> bool:
        """The switch. Raises InvalidValueError."""
        if type(value) is not bool:
            raise InvalidValueError
        return value


class _BoundedNumber:
    """From where to where a number goes: `ge` and `le` with the ends, `gt` and `lt` without."""

    def __init__(self, ge: float = -inf, gt: float = -inf, le: float = inf, lt: float = inf) -> None:
        self.ge, self.gt, self.le, self.lt = ge, gt, le, lt

    def holds(self, value: float) -> bool:
        """Whether the number is finite and inside."""
        return self.ge <= value <= self.le and self.gt < value < self.lt


class Integer(_BoundedNumber):
    """A whole number; true and 1.0 are none."""

    def parse_value(self, value: Any) -> int:
        """The number. Raises InvalidValueError."""
        if type(value) is not int or not self.holds(value):
            raise InvalidValueError
        return value


class Float(_BoundedNumber):
    """A finite number; a whole one becomes a float."""

    def parse_value(self, value: Any) -> float:
        """The number. Raises InvalidValueError."""
        if type(value) not in (int, float) or not self.holds(value):
            raise InvalidValueError
        return float(value)


class OneOf:
    """One of a few words or numbers. True and 1.0 are 1 here, as they are for pydantic."""

    def __init__(self, *choices: str | int) -> None:
        self.choices = choices

    def parse_value(self, value: Any) -> str | int:
        """The word. Raises InvalidValueError."""
        if isinstance(value, (str, int, float)) and value in self.choices:
            return self.choices[self.choices.index(value)]
        raise InvalidValueError


class ListOf:
    """A list of so many of one kind."""

    def __init__(self, kind: FieldKind, min_length: int = 0, max_length: float = inf) -> None:
        self.kind, self.shortest, self.longest = kind, min_length, max_length

    def parse_value(self, value: Any) -> list[Any]:
        """The list. Raises InvalidValueError."""
        if type(value) is not list or not self.shortest <= len(value) <= self.longest:
            raise InvalidValueError
        return [self.kind.parse_value(item) for item in value]


class MapOf:
    """A map with keys of one's own."""

    def __init__(self, key: FieldKind, kind: FieldKind) -> None:
        self.key, self.kind = key, kind

    def parse_value(self, value: Any) -> dict[str, Any]:
        """The map. Raises InvalidValueError."""
        if type(value) is not dict:
            raise InvalidValueError
        return {self.key.parse_value(name): self.kind.parse_value(inner) for name, inner in value.items()}


class PartOf:
    """A map of the spec."""

    def __init__(self, part: type[RecipePart]) -> None:
        self.part = part

    def parse_value(self, value: Any) -> RecipePart:
        """The part. Raises InvalidValueError."""
        return parse_part(self.part, value)


class Either:
    """The first that fits."""

    def __init__(self, *kinds: FieldKind) -> None:
        self.kinds = kinds

    def parse_value(self, value: Any) -> Any:
        """The value. Raises InvalidValueError."""
        for kind in self.kinds:
            try:
                return kind.parse_value(value)
            except InvalidValueError:
                continue
        raise InvalidValueError


class WithShorthand:
    """A kind that has a short way of being written; `form` makes the long one of it."""

    def __init__(self, form: Callable[[Any], Any], kind: FieldKind) -> None:
        self.form, self.kind = form, kind

    def parse_value(self, value: Any) -> Any:
        """The value. Raises InvalidValueError."""
        return self.kind.parse_value(self.form(value))


def parse_part(part: type[SomePart], value: Any) -> SomePart:
    """The part that a map says. Raises InvalidValueError; None is what is left out."""
    if type(value) is not dict or not all(name in value for name in part.required):
        raise InvalidValueError
    kinds, fitted = part.kinds, {}
    for name, inner in value.items():
        kind = kinds.get(name)
        if kind is None or (inner is None and name in part.required):
            raise InvalidValueError
        fitted[name] = None if inner is None else kind.parse_value(inner)
    return part(**fitted)
