"""Whether a field says only what would hold without it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.recipe.part import Part
from qwen_recipes.resolve import resolve

Some = TypeVar("Some", bound=Part)


def says_default(loaded: Loaded, backend: Backend, plan: Plan, path: str) -> bool:
    """Whether the plan is the same without the recipe's field at `path`: then nothing is lost if nobody reads it."""
    recipe = without(loaded.recipe, path.replace("[]", "").split("."))
    try:
        other = resolve(replace(loaded, recipe=recipe), backend)
    except RecipeError:
        return False
    return replace(other, asked=plan.asked, reasons=plan.reasons) == plan


def without(part: Some, steps: list[str]) -> Some:
    """The part of a recipe without the field at `steps`."""
    name, *rest = steps
    value = getattr(part, name)
    if not rest:
        return part.changed(**{name: None})
    inner = [without(item, rest) for item in value] if isinstance(value, list) else without(value, rest)
    return part.changed(**{name: inner})
