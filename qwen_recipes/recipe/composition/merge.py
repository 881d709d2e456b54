"""Lay one recipe's tree over another's."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.yaml_text.nodes import Mapping, Node, Scalar
from qwen_recipes.yaml_text.shorthand_fields import SHORTHAND_FIELDS

_ADAPTER_METHODS = frozenset({"lora", "dora", "qlora", "qdora"})


def merge_nodes(base: Node, upper: Node, name: str = "") -> Node:
    """`upper` laid over `base`; `name` is the key under which both stand.

    Maps are merged key by key; lists and single values replace what was there. `null` takes away what the base says.
    A method, objective or model of another kind replaces the base's whole: what belongs to DPO means nothing to KTO.
    """
    base, upper = _expand_shorthand(base, upper, name), _expand_shorthand(upper, base, name)
    if not isinstance(base, Mapping) or not isinstance(upper, Mapping) or _is_another_kind(base, upper, name):
        return upper
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in upper.entries.items():
        if is_null(node) and key in base.entries:
            del entries[key], keys[key]
            continue
        entries[key] = merge_nodes(base.entries[key], node, key) if key in base.entries else node
        keys[key] = upper.keys[key]
    return Mapping(upper.span, entries, keys)


def is_null(node: Node) -> bool:
    """Whether the value is empty or `null`."""
    return isinstance(node, Scalar) and node.value is None


def _expand_shorthand(node: Node, other: Node, name: str) -> Node:
    """`lora` as `{type: lora}` where the other side is a map, or names a kind too."""
    field = SHORTHAND_FIELDS.get(name)
    if (
        field is None
        or not isinstance(node, Scalar)
        or not isinstance(node.value, str)
        or not isinstance(other, Mapping)
    ):
        return node
    return Mapping(node.span, {field: node}, {field: node.span})


def _is_another_kind(base: Mapping, upper: Mapping, name: str) -> bool:
    """Whether `upper` names another model, method or objective than `base` does."""
    if name not in ("model", "method", "objective"):
        return False
    field = SHORTHAND_FIELDS[name]
    old, new = (side.entries.get(field) for side in (base, upper))
    if not isinstance(old, Scalar) or not isinstance(new, Scalar) or old.value == new.value:
        return False
    return not (name == "method" and {old.value, new.value} <= _ADAPTER_METHODS)


def set_file(node: Node, file: str) -> Node:
    """The tree with every place marked as one in `file`."""
    span = replace(node.span, file=file)
    if isinstance(node, Mapping):
        entries = {key: set_file(child, file) for key, child in node.entries.items()}
        return Mapping(span, entries, {key: replace(place, file=file) for key, place in node.keys.items()})
    if isinstance(node, Scalar):
        return replace(node, span=span)
    return replace(node, span=span, items=[set_file(item, file) for item in node.items])
