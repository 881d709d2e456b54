"""Edits of a recipe's text: a value set at a dotted path, with every comment and all layout left as they were.

An edit proves itself: the text is read again, and has to say what was wanted, with the comments it had.
"""

from __future__ import annotations

import re

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import RecipeError, Route, format_route
from qwen_recipes.yaml_text.emit import format_block, format_flow
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence, plain_data
from qwen_recipes.yaml_text.reader import read_yaml
from qwen_recipes.yaml_text.shorthand_fields import SHORTHAND_FIELDS
from qwen_recipes.yaml_text.text_layout import TextLayout, list_comments

Edit = tuple[int, int, str]
"""Start and end in characters, and what stands there from now on."""


class EditError(QwenRecipesError):
    """The text can't be edited so without losing something else."""


def parse_route(path: str) -> Route:
    """`data.train[0].path` as a route. Raises EditError where it names nothing."""
    steps = re.findall(r"\[([0-9]+)\]|([^.\[\]]+)", path)
    route = tuple(int(index) if index else name for index, name in steps)
    if not route or format_route(route) != path:
        raise EditError(f"`{path}` names no field")
    return route


def set_value(text: str, path: str, value: object) -> str:
    """The text with `value` at `path`; None takes the key away. Raises EditError, or RecipeError for bad YAML."""
    route = parse_route(path)
    document = read_yaml(text, "")
    wanted = _apply_to_data(plain_data(document.root), route, value)
    if wanted == plain_data(document.root):
        return text
    edit = _remove_entry(document, route) if value is None else _make_edit(document, route, value)
    changed = text[: edit[0]] + edit[2] + text[edit[1] :]
    _verify_edit(changed, wanted, text, path)
    return changed


def _verify_edit(edited: str, expected: object, original: str, path: str) -> None:
    try:
        said = plain_data(read_yaml(edited, "").root)
    except RecipeError:
        raise EditError(f"`{path}` cannot be edited in this layout") from None
    if said != expected:
        raise EditError(f"editing `{path}` would change other values (an anchor, an alias, or a merged map)")
    if sorted(list_comments(edited)) != sorted(list_comments(original)):
        raise EditError(f"editing `{path}` would lose a comment")


def _apply_to_data(data: object, route: Route, value: object) -> object:
    """The data that the edit has to lead to."""
    if not route:
        return value
    step, rest = route[0], route[1:]
    if isinstance(step, int):
        if not isinstance(data, list) or step >= len(data):
            raise EditError(f"the list has no position {step}")
        return [_apply_to_data(item, rest, value) if i == step else item for i, item in enumerate(data)]
    if not isinstance(data, dict):
        raise EditError(f"`{step}` is not allowed here: the value above it is a single value or a list")
    inner = _expand_shorthand(data.get(step, {} if rest else None), step, rest)
    left = {**data, step: _apply_to_data(inner, rest, value)}
    return {k: v for k, v in left.items() if k != step or not _is_removed(v, value)}


def _is_removed(data: object, value: object) -> bool:
    """Whether taking the value away left nothing here."""
    return value is None and (data is None or data == {})


def _expand_shorthand(data: object, name: str, rest: Route) -> object:
    """A shorthand as the map, or list of maps, that it is short for; a key without a value is an empty map."""
    if not rest:
        return data
    if data is None:
        return {}
    short = SHORTHAND_FIELDS.get(name)
    if isinstance(data, list) and short and isinstance(rest[0], int) and len(rest) > 1:
        return [{short: v} if isinstance(v, str) and i == rest[0] else v for i, v in enumerate(data)]
    if isinstance(data, str) and short:
        return [{short: data}] if isinstance(rest[0], int) else {short: data}
    return data


def _make_edit(document: Document, route: Route, value: object) -> Edit:
    layout = TextLayout(document.text)
    node: Node = document.root
    for depth, step in enumerate(route):
        inner = _get_child_node(node, step)
        if inner is None:
            return _insert_entry(layout, node, route[depth:], value)
        node = inner
        last = depth == len(route) - 1
        if not last and isinstance(node, Scalar):
            return _extend_scalar(layout, node, route[: depth + 1], route[depth + 1 :], value)
    return _replace_value(layout, document, node, route, value)


def _get_child_node(node: Node, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _replace_value(layout: TextLayout, document: Document, node: Node, route: Route, value: object) -> Edit:
    start, end = layout.find_extent(node)
    if isinstance(node, Scalar):
        quote = layout.text[start : start + 1] if not node.plain else ""
        return start, end, layout.add_space_after_colon(start, end, format_flow(value, quote))
    if layout.is_flow_style(node):
        return start, end, format_flow(value)
    key, end = layout.find_key_end(document, route), layout.find_line_end(end)
    first = layout.find_line_end(key)
    beside = "".join(f"  {comment}" for _, comment in layout.comments(key, first))
    kept = "".join(f"{layout.newline}{layout.indent(at)}{comment}" for at, comment in layout.comments(first, end))
    return key, end, f" {format_flow(value)}{beside}{kept}"


def _extend_scalar(layout: TextLayout, node: Scalar, prefix: Route, rest: Route, value: object) -> Edit:
    """`qlora` becomes `{type: qlora, rank: 16}`; a key without a value gets a map."""
    start, end = layout.find_extent(node)
    if node.value is None:
        return start, end, layout.add_space_after_colon(start, end, format_flow(_nest_value(rest, value)))
    name = next(step for step in reversed(prefix) if isinstance(step, str))
    listed = isinstance(rest[0], int)
    inside = rest[1:] if listed else rest
    if name not in SHORTHAND_FIELDS or not inside:
        raise EditError(f"`{format_route(prefix)}` is a single value")
    added = format_flow(_nest_value(inside, value))[1:-1]
    long = f"{{{SHORTHAND_FIELDS[name]}: {layout.format_for_flow(node)}, {added}}}"
    return start, end, f"[{long}]" if listed else long


def _nest_value(route: Route, value: object) -> object:
    for step in reversed(route):
        if isinstance(step, int):
            raise EditError("the list does not exist")
        value = {step: value}
    return value


def _insert_entry(layout: TextLayout, node: Node, rest: Route, value: object) -> Edit:
    """A key, and what is below it, put after the last entry of the map that is there."""
    added = _nest_value(rest, value)
    assert isinstance(added, dict)
    if not isinstance(node, Mapping):
        raise EditError(f"there is no map for `{rest[0]}`")
    start, end = layout.find_extent(node)
    if layout.is_flow_style(node):
        at = max((layout.find_extent(child)[1] for child in node.entries.values()), default=start + 1)
        return at, at, f"{', ' if node.entries else ''}{format_flow(added)[1:-1]}"
    column = min(span.column for span in node.keys.values()) - 1
    at = layout.find_line_end(end)
    return at, at, "".join(layout.newline + line for line in format_block(added, " " * column, layout.step))


def _remove_entry(document: Document, route: Route) -> Edit:
    """Without the key and the maps that this leaves empty; a comment on its lines stays on a line of its own."""
    while len(route) > 1 and isinstance(parent := document.find_node(route[:-1]), Mapping) and len(parent.entries) == 1:
        route = route[:-1]
    layout, parent, name = TextLayout(document.text), document.find_node(route[:-1]), route[-1]
    if not isinstance(parent, Mapping) or not isinstance(name, str) or len(parent.entries) == 1:
        raise EditError(f"`{format_route(route)}` cannot be removed")
    start, end = layout.start_offset(parent.keys[name]), layout.find_extent(parent.entries[name])[1]
    if layout.is_flow_style(parent):
        return _remove_from_flow(layout.text, start, end)
    if layout.text[layout.find_line_start(start) : start].strip():
        raise EditError(f"`{format_route(route)}` shares its line with something else")
    line_end = layout.find_line_end(end)
    kept = [layout.indent(at) + comment for at, comment in layout.comments(start, line_end)]
    after = layout.find_next_line(line_end)
    return layout.find_line_start(start), after, "".join(line + layout.newline for line in kept)


def _remove_from_flow(text: str, start: int, end: int) -> Edit:
    after = re.compile(r"\s*,\s*").match(text, end)
    if after:
        return start, after.end(), ""
    before = re.compile(r",\s*\Z").search(text, 0, start)
    return (before.start() if before else start), end, ""
