"""Hold a read document against the spec."""

from __future__ import annotations

from pydantic import ValidationError

from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.validator import validate_recipe
from qwen_recipes.recipe.suggestions import find_closest_match
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, plain_data


def validate_document(document: Document) -> Recipe:
    """The document as a Recipe. Raises RecipeError with every problem of the file."""
    if not isinstance(document.root, Mapping):
        message, suggestion = _explain_no_map(document)
        raise RecipeError([locate_finding(document, Finding("recipe", "error", message, suggestion=suggestion))])
    data = plain_data(document.root)
    if is_other_file(document.root):
        raise RecipeError([locate_finding(document, _make_other_file_finding())])
    try:
        recipe = validate_recipe(data)
    except ValidationError:
        recipe = None
    if recipe is None or has_empty_value(document.root):
        from qwen_recipes.recipe.validation_errors import validate_or_explain

        return validate_or_explain(document, data)
    return recipe


def _explain_no_map(document: Document) -> tuple[str, str]:
    """What is wrong with a file that holds no map, and what to do."""
    if str(document.file).endswith(".sh"):
        return (
            "no framework is recognised in this script: it starts none of their programs",
            "say which with `--as`, or lint the config that it passes",
        )
    return "a recipe is a map of fields and values", "`recipes init` writes a recipe to start from"


def is_other_file(root: Mapping) -> bool:
    """Whether no key of the file is a field, or a slip of one: it is another program's."""
    fields = Recipe.model_fields
    return bool(root.entries) and not any(key in fields or find_closest_match(key, fields) for key in root.entries)


def _make_other_file_finding() -> Finding:
    return Finding(
        "recipe",
        "error",
        "this is not a recipe: none of its keys is a field",
        suggestion="`recipes lint --as NAME` reads it as a framework's config; `recipes init` writes a recipe",
    )


def has_empty_value(node: Node) -> bool:
    """Whether some key in it has nothing behind it."""
    if isinstance(node, Scalar):
        return node.value is None
    return any(map(has_empty_value, node.entries.values() if isinstance(node, Mapping) else node.items))
