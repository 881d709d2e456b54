"""Read and change the maps of a document."""

from __future__ import annotations

from collections.abc import Sequence as Items

from qwen_recipes.finding import Route, Span
from qwen_recipes.yaml_text.nodes import Mapping, Node, Scalar
from qwen_recipes.yaml_text.shorthand_fields import SHORTHAND_FIELDS


def get_text(node: Node, route: Route) -> str:
    """The text of the scalar at a route below a node; empty without one."""
    found = find_inner(node, route)
    return str(found.value) if isinstance(found, Scalar) and found.value is not None else ""


def find_inner(node: Node, route: Route) -> Node | None:
    """The node at a route below a node."""
    found: Node | None = node
    for step in route:
        found = found.entries.get(str(step)) if isinstance(found, Mapping) else None
    return found


def leave_out(root: Mapping, names: Items[str]) -> Mapping:
    """The map without some keys."""
    entries = {key: node for key, node in root.entries.items() if key not in names}
    return Mapping(root.span, entries, {key: root.keys[key] for key in entries})


def remove_inner(root: Mapping, route: tuple[str, str]) -> Mapping:
    """The map without a key of one of its maps, which goes too where nothing is left of it."""
    parent = root.entries.get(route[0])
    if not isinstance(parent, Mapping) or route[1] not in parent.entries:
        return root
    inner = leave_out(parent, route[1:])
    return put_inner(root, route[:1], inner) if inner.entries else leave_out(root, route[:1])


def put_inner(root: Mapping, route: tuple[str, ...], value: Node) -> Mapping:
    """The map with a value put in; a short form on the way becomes its map."""
    head, rest = route[0], route[1:]
    if rest:
        inner = root.entries.get(head)
        if isinstance(inner, Scalar) and head in SHORTHAND_FIELDS:
            inner = Mapping(inner.span, {SHORTHAND_FIELDS[head]: inner}, {SHORTHAND_FIELDS[head]: inner.span})
        value = put_inner(inner if isinstance(inner, Mapping) else Mapping(value.span, {}, {}), rest, value)
    keys = {**root.keys, head: root.keys.get(head, value.span)}
    return Mapping(root.span, {**root.entries, head: value}, keys)


def make_scalar(span: Span, text: str) -> Scalar:
    """Text as a node."""
    return Scalar(span, text, text, plain=True)


def make_map(span: Span, **values: str) -> Mapping:
    """A map of text as a node."""
    return Mapping(span, {key: make_scalar(span, text) for key, text in values.items()}, dict.fromkeys(values, span))
