"""The spec's models, filled, as the plain parts that everything works with."""

from __future__ import annotations

from typing import Any, cast

from qwen_recipes.recipe import parts, spec
from qwen_recipes.recipe.part import RecipePart
from qwen_recipes.recipe.spec.base import Part as Model


def convert_spec_to_parts(recipe: spec.Recipe) -> parts.Recipe:
    """The same recipe, with the same fields written."""
    return cast(parts.Recipe, _convert_value(recipe, {part.__name__: part for part in RecipePart.__subclasses__()}))


def _convert_value(value: Any, part_classes: dict[str, type[RecipePart]]) -> Any:
    if isinstance(value, Model):
        written = [name for name in type(value).model_fields if name in value.model_fields_set]
        return part_classes[type(value).__name__](
            **{name: _convert_value(getattr(value, name), part_classes) for name in written}
        )
    if isinstance(value, list):
        return [_convert_value(item, part_classes) for item in value]
    if isinstance(value, dict):
        return {name: _convert_value(inner, part_classes) for name, inner in value.items()}
    return value
