"""Where in a recipe a person is writing, judged from the lines alone: the text is seldom YAML at that moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from qwen_recipes.finding import Route

_LINE_PATTERN = re.compile(r"(?P<space> *)(?P<dashes>(?:- +)*)(?P<rest>.*)")
_KEY_PATTERN = re.compile(r"(?P<key>[^\s#:{}\[\],'\"&*!|>%@-][^\s:]*)[ \t]*:(?:[ \t]+(?P<value>.*))?$")


@dataclass(frozen=True)
class Cursor:
    """The map at `parent`, and what is begun in it: a key, or the value of `key`. `existing_keys` are there."""

    parent: Route
    key: str | None
    typed: str
    existing_keys: frozenset[str] = frozenset()


@dataclass
class _LineShape:
    """A line's place: columns of its first dash and of what follows its dashes."""

    dash: int | None
    column: int
    rest: str
    key: str = field(default="")

    def __post_init__(self) -> None:
        found = _KEY_PATTERN.match(self.rest)
        self.key = found["key"] if found else ""


def locate_cursor(lines: list[str], line: int, column: int) -> Cursor:
    """What is being written before this column of this line, both from 0."""
    here = _parse_line(lines[line][:column] if line < len(lines) else "")
    above = [_parse_line(text) for text in lines[:line]]
    below = [_parse_line(text) for text in lines[line + 1 :]]
    parent = _find_parent_route(above, here)
    taken = (
        {*_collect_sibling_keys(reversed(above), here, upwards=True), *_collect_sibling_keys(below, here)}
        if here.dash is None
        else set()
    )
    return _follow_brackets(here.rest, parent, frozenset(taken))


def _parse_line(text: str) -> _LineShape:
    found = _LINE_PATTERN.match(text)
    assert found
    space, dashes = len(found["space"]), len(found["dashes"])
    return _LineShape(space if dashes else None, space + dashes, found["rest"])


def _find_parent_route(above: list[_LineShape], here: _LineShape) -> Route:
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


def _collect_sibling_keys(lines: Iterable[_LineShape], here: _LineShape, *, upwards: bool = False) -> set[str]:
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


def _follow_brackets(text: str, parent: Route, existing_keys: frozenset[str]) -> Cursor:
    """Follow the line through its braces and brackets up to the cursor."""
    opened: list[tuple[str, Route, frozenset[str]]] = []
    key, typed = None, ""
    for index, char in enumerate(text):
        if char in "{[" and not typed.strip():
            opened.append((char, parent, existing_keys))
            parent = (*parent, *([] if key is None else [key]), *([0] if char == "[" else []))
            key, typed, existing_keys = None, "", frozenset()
        elif char in "}]" and opened:
            _, parent, existing_keys = opened.pop()
            key, typed = None, ""
        elif char == "," and opened:
            existing_keys = existing_keys if key is None else existing_keys | {key}
            key, typed = None, ""
        elif char == ":" and key is None and text[index + 1 : index + 2] in ("", " ", "\t"):
            key, typed = typed.strip(), ""
        else:
            typed += char
    if key is None and opened and opened[-1][0] == "[" and len(parent) > 1:
        return Cursor(parent[:-2], str(parent[-2]), typed.lstrip())
    return Cursor(parent, key, typed.lstrip(), existing_keys)
