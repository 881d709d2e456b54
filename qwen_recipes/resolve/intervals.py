"""When validation runs and when a checkpoint is written."""

from __future__ import annotations

from typing import Literal

from qwen_recipes.backends.plan import DataPlan
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

_EVALUATIONS_PER_RUN = 5
_EARLY_STOPPING_INTERVAL = 50


Interval = int | float | Literal["epoch", "never"]
"""Optimizer steps between two; below 1 a share of the run."""


def resolve_evaluation_interval(t: Training, data: DataPlan, decisions: PlanDecisions) -> Interval:
    """Steps between two evaluations, a share of the run, `epoch`, or `never` where nothing is held out."""
    if not data.validates:
        return decisions.derive_value("training.evaluate_every", "never", "no validation data", origin="default")
    if t.evaluations_per_epoch is not None:
        return _spread_over_epochs(t, t.evaluations_per_epoch, "evaluations_per_epoch", "evaluate_every", decisions)
    if t.steps and isinstance(t.evaluate_every, int) and t.evaluate_every > t.steps:
        message = (
            f"no evaluation runs: the interval of {t.evaluate_every} steps is longer than the run of {t.steps} steps"
        )
        decisions.report_problem(
            ("training", "evaluate_every"), message, f"evaluate_every: {max(1, t.steps // _EVALUATIONS_PER_RUN)}"
        )
    if t.steps:
        default, why = max(1, t.steps // _EVALUATIONS_PER_RUN), f"{_EVALUATIONS_PER_RUN} evaluations in {t.steps} steps"
    elif t.early_stopping:
        default, why = _EARLY_STOPPING_INTERVAL, "early stopping needs more than one evaluation per epoch"
    else:
        return decisions.choose_value("training.evaluate_every", t.evaluate_every, "epoch", "once per epoch")
    return decisions.choose_value("training.evaluate_every", t.evaluate_every, default, why)


def _spread_over_epochs(t: Training, count: float, field: str, path: str, decisions: PlanDecisions) -> Interval:
    """So many an epoch, as the share of the run between two: the frameworks count the steps of their run."""
    epochs = 3 if t.epochs is None else t.epochs
    if t.steps:
        message = f"`{field}` needs `training.epochs`, but the recipe sets `training.steps`"
        decisions.report_problem(("training", field), message, f"{path}: {max(1, t.steps // _EVALUATIONS_PER_RUN)}")
    elif count * epochs <= 1:
        decisions.report_problem(
            ("training", field), f"{count:g} per epoch is never reached in {epochs:g} epochs", f"{field}: 1"
        )
    share: Interval = "epoch" if count == 1 else float(f"{min(1 / (count * epochs), 0.5):.12g}")
    return decisions.derive_value(
        f"training.{path}", share, f"{count:g} times per epoch, {epochs:g} epochs", f"training.{field}",
        *(["training.epochs"] if t.epochs is not None else []),
    )  # fmt: skip


def resolve_save_interval(t: Training, evaluate_every: Interval, decisions: PlanDecisions) -> Interval:
    """Steps between two checkpoints, a share of the run, `epoch` or `never`.

    Under early stopping each evaluation has its checkpoint.
    """
    if t.saves_per_epoch is not None:
        interval = _spread_over_epochs(t, t.saves_per_epoch, "saves_per_epoch", "save_every", decisions)
        if t.early_stopping and interval != evaluate_every:
            message = f"early stopping needs a checkpoint at every evaluation: {evaluate_every}"
            decisions.report_problem(("training", "saves_per_epoch"), message, "remove it")
        return interval
    if t.early_stopping and evaluate_every != "never":
        _check_save_interval(t, evaluate_every, decisions)
        return decisions.choose_value(
            "training.save_every", t.save_every, evaluate_every, "early stopping keeps the best checkpoint"
        )
    if t.steps:
        interval = evaluate_every if isinstance(evaluate_every, int) else max(1, t.steps // _EVALUATIONS_PER_RUN)
        return decisions.choose_value(
            "training.save_every", t.save_every, interval, f"{_EVALUATIONS_PER_RUN} times in {t.steps} steps"
        )
    return decisions.choose_value("training.save_every", t.save_every, "epoch", "once per epoch")


def _check_save_interval(t: Training, evaluate_every: Interval, decisions: PlanDecisions) -> None:
    save = t.save_every
    if save is None or save == evaluate_every:
        return
    if isinstance(save, int) and isinstance(evaluate_every, int) and save % evaluate_every == 0:
        return
    decisions.report_problem(
        ("training", "save_every"),
        f"early stopping needs a checkpoint at every evaluation: {evaluate_every}",
        f"save_every: {evaluate_every}, or a multiple of it",
    )
