"""Where in a recipe a person is writing, judged from the lines alone: the text is seldom YAML at that moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from qwen_recipes.recipe.finding import Route

_LINE = re.compile(r"(?P<space> *)(?P<dashes>(?:- +)*)(?P<rest>.*)")
_KEY = re.compile(r"(?P<key>[^\s#:{}\[\],'\"&*!|>%@-][^\s:]*)[ \t]*:(?:[ \t]+(?P<value>.*))?$")


@dataclass(frozen=True)
class Cursor:
    """The map at `parent`, and what is begun in it: a key, or the value of `key`. `taken` are keys that are there."""

    parent: Route
    key: str | None
    typed: str
    taken: frozenset[str] = frozenset()


@dataclass
class _Line:
    """A line's place: columns of its first dash and of what follows its dashes."""

    dash: int | None
    column: int
    rest: str
    key: str = field(default="")

    def __post_init__(self) -> None:
        found = _KEY.match(self.rest)
        self.key = found["key"] if found else ""


def cursor_at(lines: list[str], line: int, column: int) -> Cursor:
    """What is being written before this column of this line, both from 0."""
    here = _read(lines[line][:column] if line < len(lines) else "")
    above = [_read(text) for text in lines[:line]]
    below = [_read(text) for text in lines[line + 1 :]]
    parent = _route_above(above, here)
    taken = {*_same_map(reversed(above), here, upwards=True), *_same_map(below, here)} if here.dash is None else set()
    return _inside(here.rest, parent, frozenset(taken))


def _read(text: str) -> _Line:
    found = _LINE.match(text)
    assert found
    space, dashes = len(found["space"]), len(found["dashes"])
    return _Line(space if dashes else None, space + dashes, found["rest"])


def _route_above(above: list[_Line], here: _Line) -> Route:
    """The keys under which a line stands. A list's dash may stand right below its key."""
    route: Route = ()
    limit, listed = (here.column, False) if here.dash is None else (here.dash, True)
    if listed:
        route = (0,)
    for line in reversed(above):
        if not line.key:
            continue
        if line.column < limit or (listed and line.column == limit and line.dash is None):
            route, limit, listed = (line.key, *route), line.column, False
        elif line.column > limit or line.dash is None:
            continue
        if line.dash is not None and not listed:
            route, limit, listed = (0, *route), line.dash, True
    return route


def _same_map(lines: Iterable[_Line], here: _Line, *, upwards: bool = False) -> set[str]:
    """Keys of the lines around, as far as they belong to the same map."""
    found: set[str] = set()
    for line in lines:
        if not line.rest or line.rest.startswith("#"):
            continue
        if line.column < here.column or (not upwards and line.dash is not None and line.dash < here.column):
            break
        if line.column == here.column and line.key:
            found.add(line.key)
        if upwards and line.dash is not None and line.column == here.column:
            break
    return found


def _inside(text: str, parent: Route, taken: frozenset[str]) -> Cursor:
    """Follow the line through its braces and brackets up to the cursor."""
    opened: list[tuple[str, Route, frozenset[str]]] = []
    key, typed = None, ""
    for index, char in enumerate(text):
        if char in "{[" and not typed.strip():
            opened.append((char, parent, taken))
            parent = (*parent, *([] if key is None else [key]), *([0] if char == "[" else []))
            key, typed, taken = None, "", frozenset()
        elif char in "}]" and opened:
            _, parent, taken = opened.pop()
            key, typed = None, ""
        elif char == "," and opened:
            taken = taken if key is None else taken | {key}
            key, typed = None, ""
        elif char == ":" and key is None and text[index + 1 : index + 2] in ("", " ", "\t"):
            key, typed = typed.strip(), ""
        else:
            typed += char
    if key is None and opened and opened[-1][0] == "[" and len(parent) > 1:
        return Cursor(parent[:-2], str(parent[-2]), typed.lstrip())
    return Cursor(parent, key, typed.lstrip(), taken)
