"""A map of the recipe as a plain object, and what the person wrote in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

if TYPE_CHECKING:
    from qwen_recipes.recipe.kinds import Kind

Same = TypeVar("Same", bound="Part")


class Part:
    """One map of the recipe. Only what was written is held; the rest is None, by its class. Can't be changed."""

    kinds: ClassVar[dict[str, Kind]] = {}
    """What may stand under each of its keys."""
    required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    @property
    def keys_written(self) -> tuple[str, ...]:
        """Its keys that were written, in the order of the text."""
        return tuple(self.__dict__)

    def changed(self: Same, **values: Any) -> Same:
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


def as_data(value: Any) -> Any:
    """A part as dicts, lists and scalars; what is None is left out."""
    if isinstance(value, Part):
        return {name: as_data(inner) for name, inner in value.__dict__.items() if inner is not None}
    if isinstance(value, list):
        return [as_data(item) for item in value]
    if isinstance(value, dict):
        return {name: as_data(inner) for name, inner in value.items()}
    return value


def written(recipe: Part) -> frozenset[str]:
    """Dotted paths of the leaves that the person wrote; `auto` asks for nothing."""
    return frozenset(_written(recipe, ""))


def _written(part: Part, prefix: str) -> Iterator[str]:
    for name in part.keys_written:
        value = getattr(part, name)
        if isinstance(value, Part):
            yield from _written(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Part):
            yield f"{prefix}{name}"
            for item in value:
                yield from _written(item, f"{prefix}{name}[].")
        elif name == "backends":
            for backend, options in (value or {}).items():
                yield from _written(options, f"{prefix}{name}.{backend}.")
        elif value is not None and value != "auto":
            yield f"{prefix}{name}"
