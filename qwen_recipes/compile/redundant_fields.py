"""Whether a field says only what would hold without it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.spec.section import Section
from qwen_recipes.resolve import resolve

SomeSection = TypeVar("SomeSection", bound=Section)


def is_redundant_field(loaded: LoadedRecipe, backend: Backend, plan: Plan, path: str) -> bool:
    """Whether the plan is the same without the recipe's field at `path`: then nothing is lost if nobody reads it."""
    recipe = remove_field(loaded.recipe, path.replace("[]", "").split("."))
    try:
        other = resolve(replace(loaded, recipe=recipe), backend)
    except RecipeError:
        return False
    return replace(other, set_fields=plan.set_fields, reasons=plan.reasons) == plan


def remove_field(section: SomeSection, steps: list[str]) -> SomeSection:
    """The section of a recipe without the field at `steps`."""
    name, *rest = steps
    value = getattr(section, name)
    if not rest:
        return section.model_copy(update={name: None})
    inner = [remove_field(item, rest) for item in value] if isinstance(value, list) else remove_field(value, rest)
    return section.model_copy(update={name: inner})
