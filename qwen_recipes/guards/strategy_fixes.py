"""A strategy to take instead: one that the backend can, and that fits no worse by the estimate."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.estimate import estimate_plan
from qwen_recipes.estimate.estimate import Estimate
from qwen_recipes.finding import Route
from qwen_recipes.gpus.catalogue import get_gpu_model
from qwen_recipes.guards.base import Fix, GuardContext, Violation
from qwen_recipes.guards.trial import resolve_with_overrides
from qwen_recipes.resolve.strategy import ASSUMED_GPU

_FIT_ORDER = ("no", "close", "yes")


def find_strategy_fix(context: GuardContext, *strategies: str, safe: bool) -> Fix | None:
    """The first of these strategies under which the run fits as well as it does now; None where it is none of them."""
    now = _estimate(context, context.plan)
    for strategy in strategies:
        sets = (("hardware.strategy", strategy),)
        made = resolve_with_overrides(context.loaded, context.backend, sets)
        if made is not None and _fits_as_well(_estimate(context, made[0]), now):
            return Fix(sets, safe=safe)
    return None


def make_strategy_violation(
    context: GuardContext, route: Route, message: str, *strategies: str, otherwise: str, safe: bool = False
) -> Violation:
    """A violation that the first of these strategies mends; `otherwise` is what to write where none of them fits."""
    fix = find_strategy_fix(context, *strategies, safe=safe)
    return Violation(route, message, f"strategy: {fix.sets[0][1]}" if fix else otherwise, fix)


def _fits_as_well(after: Estimate, now: Estimate) -> bool:
    if after.check_fit() == now.check_fit() == "no":
        return after.peak <= now.peak
    return _FIT_ORDER.index(after.check_fit()) >= _FIT_ORDER.index(now.check_fit())


def _estimate(context: GuardContext, plan: Plan) -> Estimate:
    gpu = context.gpu or get_gpu_model(ASSUMED_GPU)
    return estimate_plan(plan, context.model, gpu)
