"""`--set training.epochs=1`: values from the command line, typed as in the file."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NoReturn

from qwen_recipes.finding import COMMAND_LINE_SPAN, Finding, RecipeError
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Sequence
from qwen_recipes.yaml_text.reader import MAX_DEPTH, read_yaml
from qwen_recipes.yaml_text.shorthand_fields import SHORTHAND_FIELDS


class OverrideError(RecipeError):
    """What is given to `--set` is no field and value: the call is wrong, not the recipe."""


def apply_overrides(document: Document, overrides: tuple[str, ...]) -> Document:
    """The document with each `path=value` put in. Raises OverrideError for one that is no override."""
    for text in overrides:
        path, equals, value = text.partition("=")
        steps = re.sub(r"\[([0-9]+)\]", r".\1", path.strip()).split(".")
        if not equals or not all(steps) or len(steps) > MAX_DEPTH:
            _raise_override_error(text, "expected FIELD=VALUE, e.g. training.epochs=1")
        if steps[0] == "extends":
            _raise_override_error(text, "`extends` is read from the recipe; give its values one by one")
        node = read_yaml(value or '""', f"--set {path}").root
        try:
            document = replace(document, root=set_value(document.root, "", steps, _mark_as_command_line(node)))
        except IndexError as error:
            _raise_override_error(text, f"`{error}` is a list: give a position in it, starting at 0")
    return document


def format_override(path: str, value: object) -> str:
    """A path and a value as `--set` takes them: `training.kernels=[lora, liger]`."""
    return f"{path}={format_override_value(value)}"


def format_override_value(value: object) -> str:
    """A value as people write it in a recipe."""
    if isinstance(value, list):
        return f"[{', '.join(map(format_override_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _raise_override_error(text: str, reason: str) -> NoReturn:
    raise OverrideError([Finding("recipe", "error", f"--set {text}: {reason}")])


def _mark_as_command_line(node: Node, marked: dict[int, Node] | None = None) -> Node:
    """A value from the command line has no place in the file, nor has anything in it; `marked` by identity, since an
    aliased node stands in several places.
    """
    marked = {} if marked is None else marked
    if id(node) not in marked:
        marked[id(node)] = _mark_each(node, marked)
    return marked[id(node)]


def _mark_each(node: Node, marked: dict[int, Node]) -> Node:
    if isinstance(node, Mapping):
        entries = {key: _mark_as_command_line(inner, marked) for key, inner in node.entries.items()}
        return Mapping(COMMAND_LINE_SPAN, entries, dict.fromkeys(node.keys, COMMAND_LINE_SPAN))
    if isinstance(node, Sequence):
        return Sequence(COMMAND_LINE_SPAN, [_mark_as_command_line(item, marked) for item in node.items])
    return replace(node, span=COMMAND_LINE_SPAN)


def set_value(node: Node, name: str, steps: list[str], value: Node) -> Node:
    """The node with `value` put in; `name` is the field it stands under. Raises IndexError for a list's position."""
    if not steps:
        return value
    head, *rest = steps
    if isinstance(node, Sequence):
        if not head.isdecimal() or int(head) >= len(node.items):
            raise IndexError(name)
        items = [set_value(n, name, rest, value) if i == int(head) else n for i, n in enumerate(node.items)]
        return Sequence(node.span, items)
    if not isinstance(node, Mapping):
        short = {SHORTHAND_FIELDS[name]: node} if name in SHORTHAND_FIELDS and isinstance(node.value, str) else {}
        node = Mapping(node.span, {**short}, dict.fromkeys(short, node.span))
    inner = node.entries.get(head, Mapping(value.span, {}, {}))
    entries = {**node.entries, head: set_value(inner, head, rest, value)}
    return Mapping(node.span, entries, {**node.keys, head: node.keys.get(head, value.span)})
