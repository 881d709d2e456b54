"""What would fit where a model does not: a smaller model on the same GPU, or the model on a larger GPU."""

from __future__ import annotations

from qwen_recipes.backends.base import Backend
from qwen_recipes.estimate import Estimate, estimate_plan, list_gpus_that_fit
from qwen_recipes.qwen.models import REGISTRY, ModelFacts
from qwen_recipes.recipe.load import LoadedRecipe, override_recipe
from qwen_recipes.resolve import resolve


def describe_alternatives(loaded: LoadedRecipe, backend: Backend, estimate: Estimate) -> str:
    """The largest model that fits this GPU, and the smallest GPU of the catalogue that this recipe fits."""
    facts = estimate.workload.facts
    model = _find_smaller_model(loaded, backend, estimate)
    gpus = [gpu.name for gpu in list_gpus_that_fit(estimate)]
    found = [f"{model} fits {estimate.gpu.name}"] if model else []
    found += [f"{facts.id} fits {gpus[0]}"] if gpus else []
    return "; ".join(found) or "use a smaller model or several GPUs"


def _find_smaller_model(loaded: LoadedRecipe, backend: Backend, estimate: Estimate) -> str | None:
    """The largest smaller model, of the same kind where there is one, that fits under the same recipe."""
    own = estimate.workload.facts

    def rank_model(facts: ModelFacts) -> tuple[bool, int]:
        return facts.variant == own.variant, facts.parameters

    smaller = [facts for facts in REGISTRY.values() if facts.parameters < own.parameters]
    for facts in sorted(smaller, key=rank_model, reverse=True):
        plan = resolve(override_recipe(loaded, (f"model={facts.id}",)), backend)
        if estimate_plan(plan, facts, estimate.gpu).check_fit() == "yes":
            return facts.id
    return None
