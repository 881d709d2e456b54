"""The spec's models, filled, as the plain parts that everything works with."""

from __future__ import annotations

from typing import Any, cast

from qwen_recipes.recipe import parts, spec
from qwen_recipes.recipe.part import Part
from qwen_recipes.recipe.spec.base import Part as Model


def plain(recipe: spec.Recipe) -> parts.Recipe:
    """The same recipe, with the same fields written."""
    return cast(parts.Recipe, _plain(recipe, {part.__name__: part for part in Part.__subclasses__()}))


def _plain(value: Any, known: dict[str, type[Part]]) -> Any:
    if isinstance(value, Model):
        written = [name for name in type(value).model_fields if name in value.model_fields_set]
        return known[type(value).__name__](**{name: _plain(getattr(value, name), known) for name in written})
    if isinstance(value, list):
        return [_plain(item, known) for item in value]
    if isinstance(value, dict):
        return {name: _plain(inner, known) for name, inner in value.items()}
    return value
