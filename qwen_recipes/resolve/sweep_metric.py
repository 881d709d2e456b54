"""What the trials of a sweep are ranked by: a metric that means the same in every trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.trials import LoadedSweep, locate_sweep_problem
from qwen_recipes.resolve.choose_backend import choose_backend
from qwen_recipes.resolve.plan_table import list_plan_values

_LOGGED_NAMES = {
    "loss": ("loss",),
    "eval_loss": ("eval_loss",),
    "reward_accuracy": (
        "eval_rewards/accuracies", "eval_accuracy", "eval_reward_accuracy", "rewards/accuracies", "accuracy",
    ),
}  # fmt: skip
"""Metrics by the names that recipes use, and what frameworks call them; the first that is logged counts."""
_MAXIMIZED, _MINIMIZED = ("accura", "reward", "margin", "score"), ("loss", "perplexity", "error", "kl")
_DATA_FIELDS = ("data.", "chat.", "training.sequence_length", "training.overlong")
_LOSS_FIELDS = ("objective.", "training.packing")


@dataclass(frozen=True)
class SweepMetric:
    """A metric: its name, what frameworks log it as (the first that is there counts), and which way is better."""

    name: str
    logged: tuple[str, ...]
    maximize: bool


def choose_sweep_metric(sweep: LoadedSweep, backend: str | None = None) -> SweepMetric:
    """The metric that the recipe names, or one that means the same in all trials.

    Raises RecipeError where there is none, or the one that is named does not.
    """
    plans = [choose_backend(trial.loaded, backend)[0].plan for trial in sweep.trials]
    preferences = all(plan.objective.pairs for plan in plans)
    name = sweep.spec.metric or ("reward_accuracy" if preferences else "eval_loss")
    chosen = sweep.spec.metric is not None
    data, loss = _find_differences(plans, _DATA_FIELDS), _find_differences(plans, _LOSS_FIELDS)
    different = [*data, *loss] if name in ("loss", "eval_loss") else data if name in _LOGGED_NAMES else []
    if different:
        kind = "the data" if different[0] in data else "the loss"
        begin = f"trials cannot be ranked by `{name}`: `{different[0]}` differs between them and changes {kind}"
        _raise(sweep, begin, _suggest_metric(preferences, bool(data)))
    if not chosen and not preferences and any(not plan.objective.next_token for plan in plans):
        _raise(sweep, f"`sweep.metric` is missing: there is no default for {plans[0].objective.type}",
               "metric: NAME as the framework logs it, e.g. rewards/margins, and `goal`")  # fmt: skip
    if name.startswith("eval_") and not all(_has_validation(plan) for plan in plans):
        _raise(
            sweep, f"`{name}` needs validation data", "set data.validation, or name another `sweep.metric`, e.g. loss"
        )
    return SweepMetric(name, get_logged_names(name), _is_maximized(sweep, name))


def get_logged_names(name: str) -> tuple[str, ...]:
    """What frameworks log a metric as; the first that is there counts."""
    return _LOGGED_NAMES.get(name, (name,))


def _raise(sweep: LoadedSweep, message: str, suggestion: str) -> None:
    raise RecipeError([locate_sweep_problem(sweep, message, suggestion)])


def _suggest_metric(preferences: bool, data_differ: bool) -> str:
    if preferences and not data_differ:
        return "metric: reward_accuracy"
    return "name a metric that means the same in all, as the framework logs it, with `goal`: e.g. metric: eval_accuracy"


def _has_validation(plan: Plan) -> bool:
    return bool(plan.data.validation) or bool(plan.data.validation_share)


def _is_maximized(sweep: LoadedSweep, name: str) -> bool:
    if sweep.spec.goal is not None:
        return sweep.spec.goal == "maximize"
    if any(word in name for word in _MAXIMIZED):
        return True
    if not any(word in name for word in _MINIMIZED):
        _raise(sweep, f"whether a high `{name}` is good is not known", "add `goal: maximize` or `goal: minimize`")
    return False


def _find_differences(plans: Sequence[Plan], fields: tuple[str, ...]) -> list[str]:
    """The fields under these names that are not the same in all plans."""
    values: dict[str, list[Any]] = {}
    for plan in plans:
        for row in list_plan_values(plan):
            if row.field.startswith(fields) and row.field not in ("data.train", "data.validation"):
                values.setdefault(row.field, []).append(row.value)
        if fields == _DATA_FIELDS:
            values.setdefault("data.train", []).append(plan.data.train)
            values.setdefault("data.validation", []).append(plan.data.validation)
            split = plan.training.data_seed if plan.data.validation_share else None
            values.setdefault("training.data_seed", []).append(split)
    return [name for name, found in values.items() if any(value != found[0] for value in found[1:])]
