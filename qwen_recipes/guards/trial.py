"""What a change of the recipe leads to, tried before it is suggested: loaded, resolved, supported, linted."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe, override_recipe
from qwen_recipes.recipe.overrides import format_override

if TYPE_CHECKING:
    from qwen_recipes.estimate import FitSuggestion
    from qwen_recipes.gpus.gpu_model import GpuModel
    from qwen_recipes.resolve import BackendRecipe

MEMORY_GUARDS = ("QR601", "QR602", "QR603")
"""Guards that ask the estimate, as whoever tries a change does already."""
Overrides = tuple[tuple[str, object], ...]


class RecipeTrial:
    """One recipe for one backend, and what becomes of it under overrides."""

    def __init__(self, loaded: LoadedRecipe, backend: Backend) -> None:
        self.loaded = loaded
        self.backend = backend

    def try_overrides(self, overrides: Overrides) -> Plan | None:
        """The plan with these overrides; None where it does not load or resolve, is unsupported, or lints worse."""
        made = resolve_with_overrides(self.loaded, self.backend, overrides)
        if made is None:
            return None
        plan, loaded = made
        return plan if self._list_severe_codes(plan, loaded) <= self._known else None

    @cached_property
    def _known(self) -> frozenset[str]:
        """What lint says of the recipe as it is."""
        made = resolve_with_overrides(self.loaded, self.backend, (), supported=False)
        return self._list_severe_codes(*made) if made else frozenset()

    def _list_severe_codes(self, plan: Plan, loaded: LoadedRecipe) -> frozenset[str]:
        return frozenset(list_severe_codes(plan, loaded, self.backend, MEMORY_GUARDS))


def suggest_tried_changes(recipe: BackendRecipe, gpu: GpuModel) -> list[FitSuggestion]:
    """What would make a recipe fit a GPU, each written into the recipe, resolved, linted and estimated before."""
    from qwen_recipes.estimate import suggest_fitting_changes

    tried = RecipeTrial(recipe.loaded, recipe.backend).try_overrides
    return suggest_fitting_changes(recipe.plan, recipe.model, gpu, recipe.backend, recipe.training_rows, tried)


def resolve_with_overrides(
    loaded: LoadedRecipe, backend: Backend, overrides: Overrides, *, supported: bool = True
) -> tuple[Plan, LoadedRecipe] | None:
    """The plan with these overrides and the recipe it is of; None where there is none, or none that is `supported`."""
    from qwen_recipes.resolve import resolve

    try:
        changed = override_recipe(loaded, tuple(format_override(path, value) for path, value in overrides))
        plan = resolve(changed, backend)
    except (RecipeError, QwenRecipesError):
        return None
    return None if supported and backend.find_unsupported(plan) else (plan, changed)


def list_severe_codes(plan: Plan, loaded: LoadedRecipe, backend: Backend, skipped: tuple[str, ...]) -> Iterable[str]:
    """Codes of the guards, errors and warnings, that say something of a plan; not those of `skipped`."""
    from qwen_recipes.guards.base import GuardContext
    from qwen_recipes.guards.catalog import load_recipe_guards

    context = GuardContext(plan, loaded, backend)
    for guard in load_recipe_guards():
        silent = guard.severity == "advice" or guard.code in skipped or guard.code in plan.allow
        if (
            not silent
            and guard.applies_to(backend.name, plan.backend_version)
            and any(True for _ in guard.check(context))
        ):
            yield guard.code
