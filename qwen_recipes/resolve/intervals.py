"""When validation runs and when a checkpoint is written."""

from __future__ import annotations

from typing import Literal

from qwen_recipes.backends.plan import DataPlan
from qwen_recipes.recipe.parts.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

_EVALUATIONS_PER_RUN = 5
_EARLY_STOPPING_INTERVAL = 50


def resolve_evaluation_interval(
    t: Training, data: DataPlan, decisions: PlanDecisions
) -> int | Literal["epoch", "never"]:
    """Steps between two evaluations, `epoch`, or `never` where nothing is held out."""
    if not data.validates:
        return decisions.derive_value("training.evaluate_every", "never", "nothing is held out", origin="default")
    if t.steps and isinstance(t.evaluate_every, int) and t.evaluate_every > t.steps:
        message = f"an evaluation every {t.evaluate_every} steps never comes in {t.steps} steps"
        decisions.report_problem(
            ("training", "evaluate_every"), message, f"evaluate_every: {max(1, t.steps // _EVALUATIONS_PER_RUN)}"
        )
    if t.steps:
        default, why = max(1, t.steps // _EVALUATIONS_PER_RUN), f"{_EVALUATIONS_PER_RUN} evaluations in {t.steps} steps"
    elif t.early_stopping:
        default, why = _EARLY_STOPPING_INTERVAL, "early stopping counts evaluations, and an epoch is too coarse"
    else:
        return decisions.choose_value("training.evaluate_every", t.evaluate_every, "epoch", "once each epoch")
    return decisions.choose_value("training.evaluate_every", t.evaluate_every, default, why)


def resolve_save_interval(
    t: Training, evaluate_every: int | Literal["epoch", "never"], decisions: PlanDecisions
) -> int | Literal["epoch"]:
    """Steps between two checkpoints, or `epoch`. Under early stopping each evaluation has its checkpoint."""
    if t.early_stopping and evaluate_every != "never":
        _check_save_interval(t, evaluate_every, decisions)
        return decisions.choose_value(
            "training.save_every", t.save_every, evaluate_every, "early stopping keeps the best one"
        )
    if t.steps:
        interval = evaluate_every if isinstance(evaluate_every, int) else max(1, t.steps // _EVALUATIONS_PER_RUN)
        return decisions.choose_value(
            "training.save_every", t.save_every, interval, f"{_EVALUATIONS_PER_RUN} times in {t.steps} steps"
        )
    return decisions.choose_value("training.save_every", t.save_every, "epoch", "once each epoch")


def _check_save_interval(t: Training, evaluate_every: int | str, decisions: PlanDecisions) -> None:
    save = t.save_every
    if save is None or save == evaluate_every:
        return
    if isinstance(save, int) and isinstance(evaluate_every, int) and save % evaluate_every == 0:
        return
    decisions.report_problem(
        ("training", "save_every"),
        f"early stopping needs a checkpoint at evaluations, which run every {evaluate_every}",
        f"save_every: {evaluate_every}, or a multiple of it",
    )
