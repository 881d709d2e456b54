"""The recipe's JSON Schema, for editors and for whoever checks recipes without us."""

from __future__ import annotations

from typing import Any

from qwen_recipes.recipe.spec import Recipe

SCHEMA_ID = "recipe.schema.json"


def recipe_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe, from the models."""
    schema = Recipe.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "qwen-recipes recipe",
    }
    cleaned: dict[str, Any] = _without_null(schema)
    return {**head, **{key: value for key, value in cleaned.items() if key != "title"}}


def _without_null(node: Any) -> Any:
    """Left out is how a recipe says nothing: null is not a value, and generated titles say nothing new."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {k: _without_null(v) for k, v in node.items() if not _noise(k, v)}
    choices = kept.get("anyOf")
    if isinstance(choices, list):
        kept["anyOf"] = [choice for choice in choices if choice != {"type": "null"}]
        if len(kept["anyOf"]) == 1:
            kept = {**kept.pop("anyOf")[0], **kept}
    return kept


def _noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
