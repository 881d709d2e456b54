"""A map of the recipe as a plain object, and what the person wrote in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn, Protocol, TypeVar

SamePart = TypeVar("SamePart", bound="RecipePart")


class FieldKind(Protocol):
    """What may stand behind a key."""

    def parse_value(self, value: Any) -> Any:
        """The value as it is meant. Raises InvalidValueError."""


class RecipePart:
    """One map of the recipe. Only what was written is held; the rest is None, by its class. Can't be changed."""

    kinds: ClassVar[dict[str, FieldKind]] = {}
    """What may stand under each of its keys."""
    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    @property
    def written_keys(self) -> tuple[str, ...]:
        """Its keys that were written, in the order of the text."""
        return tuple(self.__dict__)

    def with_values(self: SamePart, **values: Any) -> SamePart:
        """The same with other values."""
        return type(self)(**{**self.__dict__, **values})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def convert_to_data(value: Any) -> Any:
    """A part as dicts, lists and scalars; what is None is left out."""
    if isinstance(value, RecipePart):
        return {name: convert_to_data(inner) for name, inner in value.__dict__.items() if inner is not None}
    if isinstance(value, list):
        return [convert_to_data(item) for item in value]
    if isinstance(value, dict):
        return {name: convert_to_data(inner) for name, inner in value.items()}
    return value


def find_written_fields(recipe: RecipePart) -> frozenset[str]:
    """Dotted paths of the leaves that the person wrote; `auto` asks for nothing."""
    return frozenset(_walk_written_fields(recipe, ""))


def _walk_written_fields(part: RecipePart, prefix: str) -> Iterator[str]:
    for name in part.written_keys:
        value = getattr(part, name)
        if isinstance(value, RecipePart):
            yield from _walk_written_fields(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], RecipePart):
            yield f"{prefix}{name}"
            for item in value:
                yield from _walk_written_fields(item, f"{prefix}{name}[].")
        elif name == "backends":
            for backend, options in (value or {}).items():
                yield from _walk_written_fields(options, f"{prefix}{name}.{backend}.")
        elif value is not None and value != "auto":
            yield f"{prefix}{name}"
