"""The course of the learning rate: warmup, the last decay, and where it ends."""

from __future__ import annotations

import math

from qwen_recipes.backends.plan import WarmupPlan
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

DEFAULT_WARMUP_RATIO = 0.05
DEFAULT_DECAY_RATIO = 0.1
SCHEDULE_FREE = "schedule_free_adamw"
"""It is handed the warmup's steps and warms up itself, whatever the schedule does."""
SMALLEST_RATIO = 1e-3
"""The smallest share of the peak that is taken for one: below, a learning rate is meant."""


def resolve_warmup(t: Training, decisions: PlanDecisions) -> WarmupPlan:
    """A share becomes steps where the run's length is known: none of 1, else at least 2; Axolotl turns 1 into 2."""
    field = "training.warmup_steps" if t.warmup_steps is not None else "training.warmup_ratio"
    asked = t.warmup_steps if t.warmup_steps is not None else t.warmup_ratio
    decisions.choose_value("training.warmup.steps", asked, 0, "5% of the run", field=field)
    decisions.reasons["training.warmup.ratio"] = decisions.reasons["training.warmup.steps"]
    if t.warmup_steps is not None:
        if t.steps and t.warmup_steps > t.steps:
            message = f"warmup is longer than the {t.steps} steps of the run"
            decisions.report_problem(("training", "warmup_steps"), message, "warmup_ratio: 0.05")
        return WarmupPlan(t.warmup_steps, None)
    ratio = DEFAULT_WARMUP_RATIO if t.warmup_ratio is None else t.warmup_ratio
    if t.steps and ratio > 0:
        fields = (field, "training.steps") if asked is not None else ("training.steps",)
        decisions.derive_value("training.warmup.steps", None, f"{ratio:.0%} of {t.steps} steps", *fields)
        return WarmupPlan(min(max(2, math.ceil(ratio * t.steps)), t.steps) if t.steps > 1 else 0, None)
    if t.optimizer == SCHEDULE_FREE and ratio > 0:
        return _resolve_uncounted_warmup(t, decisions)
    return WarmupPlan(None, ratio) if ratio > 0 else WarmupPlan(0, None)


def _resolve_uncounted_warmup(t: Training, decisions: PlanDecisions) -> WarmupPlan:
    """None of a schedule-free run whose steps are not known: the optimizer would take the share for steps."""
    if t.warmup_ratio is not None:
        decisions.report_problem(
            ("training", "warmup_ratio"),
            f"`{SCHEDULE_FREE}` needs its warmup in steps",
            "warmup_steps: 20, or set training.steps",
            f"it divides by this number: its first step would have {1 / t.warmup_ratio:g} times the learning rate",
        )
    why = "the steps of the run are not known: set `warmup_steps`"
    decisions.derive_value("training.warmup.steps", None, why, "training.optimizer")
    return WarmupPlan(0, None)


def resolve_decay(t: Training, warmup: WarmupPlan, decisions: PlanDecisions, *, countable: bool) -> WarmupPlan:
    """The last part of `warmup_stable_decay`, in steps where the run's length is known, else a share of it."""
    ratio = decisions.choose_value(
        "training.decay.ratio", t.decay_ratio, DEFAULT_DECAY_RATIO, "a tenth of the run", field="training.decay_ratio"
    )
    decisions.reasons["training.decay.steps"] = decisions.reasons["training.decay.ratio"]
    if t.scheduler != "warmup_stable_decay":
        return WarmupPlan(None, ratio)
    if not t.steps and not countable:
        decisions.report_problem(
            ("training", "scheduler"),
            "`warmup_stable_decay` needs the number of steps, which is not known before this run",
            "set training.steps",
            "with packing or sampled answers, only the framework knows the number of steps",
        )
    if (warmup.ratio or 0) + ratio > 1:
        decisions.report_problem(
            ("training", "decay_ratio"), "warmup and decay are longer than the run", "decay_ratio: 0.1"
        )
    if not t.steps:
        return WarmupPlan(None, ratio)
    fields = ("training.decay_ratio", "training.steps") if t.decay_ratio is not None else ("training.steps",)
    decisions.derive_value("training.decay.steps", None, f"{ratio:.0%} of {t.steps} steps", *fields)
    return WarmupPlan(min(max(1, round(ratio * t.steps)), max(1, t.steps - (warmup.steps or 0))), None)


def resolve_minimum(t: Training, peak: float, decisions: PlanDecisions) -> float:
    """Where the learning rate ends, as a share of `peak`, the highest learning rate."""
    path, ratio, rate = "training.min_learning_rate_ratio", t.min_learning_rate_ratio, t.min_learning_rate
    if rate is not None:
        if rate >= peak:
            decisions.report_problem(
                ("training", "min_learning_rate"),
                f"the final learning rate {rate:g} is not below the peak {peak:g}",
                f"min_learning_rate_ratio: {rate:g}" if rate >= SMALLEST_RATIO else f"min_learning_rate: {peak / 10:g}",
                "`min_learning_rate` is a learning rate, `min_learning_rate_ratio` a share of the peak",
            )
        fields = ("training.min_learning_rate", *(["training.learning_rate"] if t.learning_rate is not None else []))
        return decisions.derive_value(path, float(f"{rate / peak:.6g}"), f"{rate:g} of {peak:g}", *fields)
    if ratio is not None and 0 < ratio < SMALLEST_RATIO:
        decisions.report_problem(
            ("training", "min_learning_rate_ratio"),
            f"{ratio:g} of the peak is {ratio * peak:.2g}, practically 0",
            f"min_learning_rate: {ratio:g}, if you mean a learning rate",
        )
    stable = t.scheduler == "warmup_stable_decay"
    return decisions.choose_value(path, ratio, 0.0 if stable else 0.1, "down to 0" if stable else "a tenth of the peak")
