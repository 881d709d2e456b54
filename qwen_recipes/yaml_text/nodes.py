"""YAML as a tree that remembers where each key and value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from qwen_recipes.finding import Route, Span


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `raw` is its text, `plain` whether it stood without quotes."""

    span: Span
    value: Any
    raw: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    span: Span
    items: list[Node]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map; `keys` holds where each key stands."""

    span: Span
    entries: dict[str, Node]
    keys: dict[str, Span]


Node = Scalar | Sequence | Mapping


def plain_data(node: Node) -> Any:
    """The tree as Python lists, dicts and scalars."""
    if isinstance(node, Mapping):
        return {key: plain_data(child) for key, child in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain_data(child) for child in node.items]
    return node.value


def get_child(node: Node, step: str | int) -> Node | None:
    """The child behind one key or position, or None."""
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
        return node.items[step]
    return None


@dataclass(frozen=True)
class Document:
    """A file that was read: its name, its text and its tree."""

    file: str
    text: str
    root: Node
    bases: dict[str, Document] = field(default_factory=dict)
    """The files that it extends, by the name that spans call them."""
    layers: tuple[tuple[str, Span], ...] = ()
    """Parts of the file that were laid over the rest, each with what messages call it: `sweep`, `stage dpo`."""

    def find_node(self, route: Route) -> Node | None:
        """The node at exactly this place, or None."""
        found: Node | None = self.root
        for step in route:
            found = get_child(found, step) if found is not None else None
        return found

    def find_nearest_route(self, route: Route) -> Route:
        """The longest part of `route` that the text holds: shorthands stop where the text stops."""
        for length in range(len(route), 0, -1):
            if self.find_node(route[:length]) is not None:
                return route[:length]
        return ()

    def span(self, route: Route, *, key: bool = False) -> Span:
        """Where the value (or, with `key`, its key) at `route` stands, or what is nearest to it."""
        near = self.find_nearest_route(route)
        if (key or near != route) and near and isinstance(near[-1], str):
            parent = self.find_node(near[:-1])
            if key and isinstance(parent, Mapping):
                return parent.keys[near[-1]]
        found = self.find_node(near)
        return found.span if found is not None and near else Span(1, 1, 1, 1)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        return _split_lines(self.text)


@lru_cache(maxsize=2)
def _split_lines(text: str) -> tuple[str, ...]:
    """Once for the many documents of one text: each command of a script is one."""
    return tuple(text.splitlines())
