"""Hold a read document against the spec."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.recipe.finding import COMMAND_LINE, Finding, RecipeError, dotted
from qwen_recipes.recipe.kinds import Misfit, fit
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Scalar, plain_data
from qwen_recipes.recipe.parts import Recipe


def validate(document: Document) -> Recipe:
    """The document as a Recipe. Raises RecipeError with every problem of the file.

    Only a document that does not fit loads the models, which say why.
    """
    if not isinstance(document.root, Mapping):
        raise RecipeError([locate(document, Finding("recipe", "error", "a recipe is a map of keys and values"))])
    data = plain_data(document.root)
    try:
        recipe = fit(Recipe, data)
    except Misfit:
        recipe = None
    if recipe is None or says_nothing(document.root):
        from qwen_recipes.recipe.problems import explained

        return explained(document, data)
    return recipe


def says_nothing(node: Node) -> bool:
    """Whether some key in it has nothing behind it."""
    if isinstance(node, Scalar):
        return node.value is None
    return any(map(says_nothing, node.entries.values() if isinstance(node, Mapping) else node.items))


def locate(document: Document, finding: Finding, *, key: bool = False) -> Finding:
    """The finding with its place in the file: the value at its route, or the key where that says more."""
    span = finding.span or document.span(finding.route, key=key)
    if span == COMMAND_LINE:
        return replace(finding, file=f"--set {dotted(document.nearest(finding.route))}", span=None)
    return replace(finding, file=document.file, span=span, line=document.line(span.line))
