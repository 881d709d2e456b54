"""Edits of a recipe's text: a value set at a dotted path, with every comment and all layout left as they were.

An edit proves itself: the text is read again, and has to say what was wanted, with the comments it had.
"""

from __future__ import annotations

import re
from typing import Any

from qwen_recipes.recipe.finding import RecipeError, Route, dotted
from qwen_recipes.recipe.layout import Layout, comments
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Scalar, Sequence, plain_data
from qwen_recipes.recipe.overrides import SHORT_FOR
from qwen_recipes.recipe.reader import read_yaml
from qwen_recipes.recipe.writing import flow, in_block

Edit = tuple[int, int, str]
"""Start and end in characters, and what stands there from now on."""


class CannotEdit(Exception):
    """The text can't be edited so without losing something else."""


def route_of(path: str) -> Route:
    """`data.train[0].path` as a route. Raises CannotEdit where it names nothing."""
    steps = re.findall(r"\[([0-9]+)\]|([^.\[\]]+)", path)
    route = tuple(int(index) if index else name for index, name in steps)
    if not route or dotted(route) != path:
        raise CannotEdit(f"`{path}` names no field")
    return route


def put(text: str, path: str, value: object) -> str:
    """The text with `value` at `path`; None takes the key away. Raises CannotEdit, or RecipeError for bad YAML."""
    route = route_of(path)
    document = read_yaml(text, "")
    wanted = _with(plain_data(document.root), route, value)
    if wanted == plain_data(document.root):
        return text
    edit = _removal(document, route) if value is None else _edit(document, route, value)
    changed = text[: edit[0]] + edit[2] + text[edit[1] :]
    _prove(changed, wanted, text, path)
    return changed


def _prove(changed: str, wanted: Any, before: str, path: str) -> None:
    try:
        said = plain_data(read_yaml(changed, "").root)
    except RecipeError:
        raise CannotEdit(f"`{path}` can't be set by an edit of this layout") from None
    if said != wanted:
        raise CannotEdit(f"an edit of `{path}` would change other values (an anchor, an alias, or a merged map)")
    if sorted(comments(changed)) != sorted(comments(before)):
        raise CannotEdit(f"an edit of `{path}` would lose a comment")


def _with(data: Any, route: Route, value: object) -> Any:
    """The data that the edit has to lead to."""
    if not route:
        return value
    step, rest = route[0], route[1:]
    if isinstance(step, int):
        if not isinstance(data, list) or step >= len(data):
            raise CannotEdit(f"there is no position {step} in a list here")
        return [_with(item, rest, value) if i == step else item for i, item in enumerate(data)]
    if not isinstance(data, dict):
        raise CannotEdit(f"`{step}` can't stand under a {type(data).__name__}")
    inner = _long(data.get(step, {} if rest else None), step, rest)
    left = {**data, step: _with(inner, rest, value)}
    return {k: v for k, v in left.items() if k != step or not _gone(v, value)}


def _gone(data: Any, value: object) -> bool:
    """Whether taking the value away left nothing here."""
    return value is None and (data is None or data == {})


def _long(data: Any, name: str, rest: Route) -> Any:
    """A shorthand as the map, or list of maps, that it is short for; a key without a value is an empty map."""
    if not rest:
        return data
    if data is None:
        return {}
    short = SHORT_FOR.get(name)
    if isinstance(data, list) and short and isinstance(rest[0], int) and len(rest) > 1:
        return [{short: v} if isinstance(v, str) and i == rest[0] else v for i, v in enumerate(data)]
    if isinstance(data, str) and short:
        return [{short: data}] if isinstance(rest[0], int) else {short: data}
    return data


def _edit(document: Document, route: Route, value: object) -> Edit:
    layout = Layout(document.text)
    node: Node = document.root
    for depth, step in enumerate(route):
        inner = _child(node, step)
        if inner is None:
            return _added(layout, node, route[depth:], value)
        node = inner
        last = depth == len(route) - 1
        if not last and isinstance(node, Scalar):
            return _lengthened(layout, node, route[: depth + 1], route[depth + 1 :], value)
    return _replaced(layout, document, node, route, value)


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _replaced(layout: Layout, document: Document, node: Node, route: Route, value: object) -> Edit:
    start, end = layout.extent(node)
    if isinstance(node, Scalar):
        quote = layout.text[start : start + 1] if not node.plain else ""
        return start, end, layout.spaced(start, end, flow(value, quote))
    if layout.in_flow(node):
        return start, end, flow(value)
    key, end = layout.key_end(document, route), layout.line_end(end)
    first = layout.line_end(key)
    beside = "".join(f"  {comment}" for _, comment in layout.comments(key, first))
    kept = "".join(f"{layout.newline}{layout.indent(at)}{comment}" for at, comment in layout.comments(first, end))
    return key, end, f" {flow(value)}{beside}{kept}"


def _lengthened(layout: Layout, node: Scalar, here: Route, rest: Route, value: object) -> Edit:
    """`qlora` becomes `{type: qlora, rank: 16}`; a key without a value gets a map."""
    start, end = layout.extent(node)
    if node.value is None:
        return start, end, layout.spaced(start, end, flow(_nested(rest, value)))
    name = next(step for step in reversed(here) if isinstance(step, str))
    listed = isinstance(rest[0], int)
    inside = rest[1:] if listed else rest
    if name not in SHORT_FOR or not inside:
        raise CannotEdit(f"`{dotted(here)}` is a single value")
    added = flow(_nested(inside, value))[1:-1]
    long = f"{{{SHORT_FOR[name]}: {layout.for_flow(node)}, {added}}}"
    return start, end, f"[{long}]" if listed else long


def _nested(route: Route, value: object) -> object:
    for step in reversed(route):
        if isinstance(step, int):
            raise CannotEdit("a list can't be begun by a position in it")
        value = {step: value}
    return value


def _added(layout: Layout, node: Node, rest: Route, value: object) -> Edit:
    """A key, and what is below it, put after the last entry of the map that is there."""
    added = _nested(rest, value)
    assert isinstance(added, dict)
    if not isinstance(node, Mapping):
        raise CannotEdit(f"`{rest[0]}` has no map to stand in")
    start, end = layout.extent(node)
    if layout.in_flow(node):
        at = max((layout.extent(child)[1] for child in node.entries.values()), default=start + 1)
        return at, at, f"{', ' if node.entries else ''}{flow(added)[1:-1]}"
    column = min(span.column for span in node.keys.values()) - 1
    at = layout.line_end(end)
    return at, at, "".join(layout.newline + line for line in in_block(added, " " * column, layout.step))


def _removal(document: Document, route: Route) -> Edit:
    """Without the key and the maps that this leaves empty; a comment on its lines stays on a line of its own."""
    while len(route) > 1 and isinstance(parent := document.node(route[:-1]), Mapping) and len(parent.entries) == 1:
        route = route[:-1]
    layout, parent, name = Layout(document.text), document.node(route[:-1]), route[-1]
    if not isinstance(parent, Mapping) or not isinstance(name, str) or len(parent.entries) == 1:
        raise CannotEdit(f"`{dotted(route)}` can't be taken away")
    start, end = layout.offset(parent.keys[name]), layout.extent(parent.entries[name])[1]
    if layout.in_flow(parent):
        return _out_of_flow(layout.text, start, end)
    if layout.text[layout.line_start(start) : start].strip():
        raise CannotEdit(f"`{dotted(route)}` shares its line with something else")
    line_end = layout.line_end(end)
    kept = [layout.indent(at) + comment for at, comment in layout.comments(start, line_end)]
    after = layout.after_break(line_end)
    return layout.line_start(start), after, "".join(line + layout.newline for line in kept)


def _out_of_flow(text: str, start: int, end: int) -> Edit:
    after = re.compile(r"\s*,\s*").match(text, end)
    if after:
        return start, after.end(), ""
    before = re.compile(r",\s*\Z").search(text, 0, start)
    return (before.start() if before else start), end, ""
