"""Short ways of writing a part, made into the long one."""

from __future__ import annotations

from typing import Any


class Shorthand:
    """Reads `value` as `{key: value}`, so that the short way of writing a part is the part."""

    def __init__(self, key: str, kinds: tuple[type, ...] = (str,)) -> None:
        self.key, self.kinds = key, kinds

    def __call__(self, value: Any) -> Any:
        """The long form."""
        return {self.key: value} if isinstance(value, self.kinds) else value

    def __repr__(self) -> str:
        kinds = "" if self.kinds == (str,) else f", ({', '.join(kind.__name__ for kind in self.kinds)},)"
        return f'Shorthand("{self.key}"{kinds})'


def expand_sources(value: Any) -> Any:
    """One source or several, a path or a map: always a list of maps."""
    items = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in items]


def expand_validation(value: Any) -> Any:
    """A number as it is, else sources."""
    return value if isinstance(value, (int, float)) else expand_sources(value)


def wrap_in_list(value: Any) -> Any:
    """A word as a list of it."""
    return [value] if isinstance(value, str) else value
