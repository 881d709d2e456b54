"""`--set training.epochs=1`: values from the command line, typed as in the file."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.recipe.finding import Finding, RecipeError, Span
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Scalar
from qwen_recipes.recipe.reader import read_yaml


def override(document: Document, sets: tuple[str, ...]) -> Document:
    """The document with each `path=value` put in. Raises RecipeError for one that can't be read."""
    for text in sets:
        path, equals, value = text.partition("=")
        steps = path.strip().split(".")
        if not equals or not all(steps):
            raise RecipeError(
                [Finding("recipe", "error", f"--set {text}: write it as field=value, as in training.epochs=1")]
            )
        node = read_yaml(value or '""', f"--set {path}").root
        document = replace(document, root=_put(document.root, steps, _moved(node)))
    return document


def _moved(node: Node) -> Node:
    """A value from the command line has no place in the file: it points at the top."""
    return replace(node, span=Span(1, 1, 1, 1)) if isinstance(node, Scalar) else node


def _put(node: Node, steps: list[str], value: Node) -> Node:
    if not steps:
        return value
    top = Span(1, 1, 1, 1)
    if not isinstance(node, Mapping):
        short = {"type": node} if isinstance(node, Scalar) and node.value is not None else {}
        node = Mapping(node.span, dict(short), dict.fromkeys(short, node.span))
    head, *rest = steps
    inner = node.entries.get(head, Mapping(top, {}, {}))
    entries = {**node.entries, head: _put(inner, rest, value)}
    return Mapping(node.span, entries, {**node.keys, head: node.keys.get(head, top)})
