"""The strategy of several GPUs where it is left open: one that fits, by the estimate, then the fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.sizes import GIB

ASSUMED_GPU = "rtx-4090"
"""The GPU that is planned for where the recipe names none."""
STRATEGIES_TO_TRY = {"zero2": ("fsdp",), "fsdp": ("zero3",)}
"""What is tried where the default does not fit, from the fastest on."""
PlanFunction = Callable[[str], "Plan | None"]
"""The plan of the same recipe under another strategy; None where it can't be resolved so."""


def is_strategy_open(loaded: LoadedRecipe, plan: Plan) -> bool:
    """Whether there are several GPUs and the recipe leaves open how they share the work."""
    h, asked = plan.hardware, loaded.recipe.hardware
    split = h.tensor_parallel * h.context_parallel * h.pipeline_parallel * h.expert_parallel > 1
    return h.device == "cuda" and h.world > 1 and not split and (asked is None or asked.strategy in (None, "auto"))


def choose_fitting_strategy(plan: Plan, folder: Path, backend: Backend, plan_with: PlanFunction) -> tuple[Plan, str]:
    """The plan as it is where it fits or nothing else does, else under a strategy that fits; and why."""
    from qwen_recipes.estimate import estimate_plan
    from qwen_recipes.gpus.catalogue import get_gpu_model
    from qwen_recipes.qwen.models import get_model_facts

    facts, gpu = get_model_facts(plan.model, folder), plan.hardware.gpu or get_gpu_model(ASSUMED_GPU)
    first = estimate_plan(plan, facts, gpu)
    if first.check_fit() == "yes":
        return plan, ""
    tried = [(first, plan)]
    for other in _list_candidates(plan, backend, plan_with):
        tried.append((estimate_plan(other, facts, gpu), other))
    fits = {"yes": 0, "close": 1, "no": 2}
    best, chosen = min(tried, key=lambda one: (fits[one[0].check_fit()], -one[0].tokens_per_second))
    if best.check_fit() in ("no", first.check_fit()):
        return plan, ""
    sizes = f"{first.peak / GIB:.0f} GiB per GPU under {plan.hardware.strategy}, {best.peak / GIB:.0f} under this"
    return chosen, f"{sizes}; {gpu.name} has {first.usable / GIB:.0f}"


def _list_candidates(plan: Plan, backend: Backend, plan_with: PlanFunction) -> Iterator[Plan]:
    for strategy in STRATEGIES_TO_TRY.get(plan.hardware.strategy, ()):
        other = plan_with(strategy)
        if other is not None and not has_strategy_conflict(other) and not backend.find_unsupported(other):
            yield other


def has_strategy_conflict(plan: Plan) -> bool:
    """What a guard refuses: an adapter under ZeRO-3 (QR101), and what FSDP shards badly or not at all (QR103, QR111,
    QR112, QR114).
    """
    if plan.method.adapter and plan.hardware.strategy == "zero3":
        return True
    quantized_preferences = plan.quantization.bits != 16 and plan.objective.type in ("dpo", "orpo", "kto")
    return plan.hardware.fsdp and (
        plan.quantization.bits == 8
        or (plan.quantization.storage == "uint8" and plan.quantization.bits == 4)
        or "8bit" in plan.training.optimizer
        or quantized_preferences
        or bool(plan.method.modules_to_save)
    )
