"""`--set training.epochs=1`: values from the command line, typed as in the file."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NoReturn

from qwen_recipes.recipe.finding import COMMAND_LINE, Finding, RecipeError
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Sequence
from qwen_recipes.recipe.reader import MAX_DEPTH, read_yaml


class BadOverride(RecipeError):
    """What is given to `--set` is no field and value: the call is wrong, not the recipe."""


SHORT_FOR = {"model": "id", "method": "type", "objective": "type", "train": "path", "validation": "path"}
"""Parts that may be written as one word, and the field which that word is."""


def override(document: Document, sets: tuple[str, ...]) -> Document:
    """The document with each `path=value` put in. Raises BadOverride for one that is no override."""
    for text in sets:
        path, equals, value = text.partition("=")
        steps = re.sub(r"\[([0-9]+)\]", r".\1", path.strip()).split(".")
        if not equals or not all(steps) or len(steps) > MAX_DEPTH:
            _refuse(text, "write it as field=value, as in training.epochs=1")
        node = read_yaml(value or '""', f"--set {path}").root
        try:
            document = replace(document, root=_put(document.root, "", steps, _moved(node)))
        except IndexError as error:
            _refuse(text, f"`{error}` is a list: name a position in it, the first is 0")
    return document


def _refuse(text: str, why: str) -> NoReturn:
    raise BadOverride([Finding("recipe", "error", f"--set {text}: {why}")])


def _moved(node: Node) -> Node:
    """A value from the command line has no place in the file."""
    return replace(node, span=COMMAND_LINE)


def _put(node: Node, name: str, steps: list[str], value: Node) -> Node:
    """The node with `value` put in; `name` is the field it stands under. Raises IndexError for a list's position."""
    if not steps:
        return value
    head, *rest = steps
    if isinstance(node, Sequence):
        if not head.isdecimal() or int(head) >= len(node.items):
            raise IndexError(name)
        items = [_put(n, name, rest, value) if i == int(head) else n for i, n in enumerate(node.items)]
        return Sequence(node.span, items)
    if not isinstance(node, Mapping):
        short = {SHORT_FOR[name]: node} if name in SHORT_FOR and isinstance(node.value, str) else {}
        node = Mapping(node.span, {**short}, dict.fromkeys(short, node.span))
    inner = node.entries.get(head, Mapping(COMMAND_LINE, {}, {}))
    entries = {**node.entries, head: _put(inner, head, rest, value)}
    return Mapping(node.span, entries, {**node.keys, head: node.keys.get(head, COMMAND_LINE)})
