"""`plan`: a recipe resolved for a framework, and what its training takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.api.recipe import Recipe
from qwen_recipes.backends.plan import Plan
from qwen_recipes.cli.estimate_report import FitVerdict, format_verdicts, verdict_as_json
from qwen_recipes.cli.plan import assess_recipe
from qwen_recipes.cli.plan_values_text import format_plan_values
from qwen_recipes.resolve import BackendRecipe
from qwen_recipes.resolve.applicable_values import list_applicable_values
from qwen_recipes.resolve.choose_backend import choose_backend
from qwen_recipes.resolve.plan_table import PlanValue


@dataclass(frozen=True)
class RecipePlan:
    """A recipe resolved for one framework: every value with its reason, and memory, time and disk on each GPU."""

    recipe: BackendRecipe
    estimates: tuple[FitVerdict, ...]
    """One for each GPU; none for a recipe that runs on the CPU."""

    @property
    def backend(self) -> str:
        """The framework's name."""
        return self.recipe.backend.name

    @property
    def resolved(self) -> Plan:
        """Every setting, typed: `plan(recipe).resolved.training.learning_rate`."""
        return self.recipe.plan

    @property
    def values(self) -> list[PlanValue]:
        """The settings that apply to the recipe, as `recipes show --resolved` prints them."""
        return list_applicable_values(self.recipe.plan)

    @property
    def fits(self) -> bool:
        """Whether the training fits, or may fit, one of the GPUs."""
        return not self.estimates or any(one.estimate.check_fit() != "no" for one in self.estimates)

    def to_dicts(self) -> list[dict[str, object]]:
        """The estimates as `recipes plan --format json` prints them: sizes in bytes, times in seconds."""
        return [verdict_as_json(one) for one in self.estimates]

    def __str__(self) -> str:
        shown = format_verdicts(list(self.estimates), colour=False) if self.estimates else ""
        return "\n\n".join(filter(None, [shown, format_plan_values(self.values)]))

    def _repr_html_(self) -> str:
        from qwen_recipes.reports.notebook import render_plan

        return render_plan(self.recipe.backend.title, self.to_dicts(), self.values)


def plan(
    recipe: Recipe | str | Path, backend: str | None = None, *, gpu: str | Sequence[str] = (),
) -> RecipePlan:  # fmt: skip
    """Resolve a recipe for a framework and estimate its training.

    `backend` is a framework's name; without one, `run.backend`, else the first that supports the recipe. `gpu` is a
    model such as `rtx-4090`, a memory such as `48 GiB`, or several of these; without one, the recipe's, else this
    machine's. Raises RecipeError, RecipeReadError, UnknownBackendError, UnknownGpuError.
    """
    made = recipe if isinstance(recipe, Recipe) else Recipe.from_file(recipe)
    chosen, _ = choose_backend(made.loaded, backend)
    names = (gpu,) if isinstance(gpu, str) else tuple(gpu)
    on_gpu = chosen.plan.hardware.device == "cuda"
    return RecipePlan(chosen, tuple(assess_recipe(chosen, names)) if on_gpu else ())
