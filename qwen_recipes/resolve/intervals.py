"""When validation runs and when a checkpoint is written."""

from __future__ import annotations

from typing import Literal

from qwen_recipes.backends.plan import DataPlan
from qwen_recipes.recipe.parts.training import Training
from qwen_recipes.resolve.notes import Notes

_EVALUATIONS = 5
_STOPPING_INTERVAL = 50


def resolve_evaluation(t: Training, data: DataPlan, notes: Notes) -> int | Literal["epoch", "never"]:
    """Steps between two evaluations, `epoch`, or `never` where nothing is held out."""
    if not data.validates:
        return notes.derive("training.evaluate_every", "never", "nothing is held out", origin="default")
    if t.steps and isinstance(t.evaluate_every, int) and t.evaluate_every > t.steps:
        message = f"an evaluation every {t.evaluate_every} steps never comes in {t.steps} steps"
        notes.refuse(("training", "evaluate_every"), message, f"evaluate_every: {max(1, t.steps // _EVALUATIONS)}")
    if t.steps:
        default, why = max(1, t.steps // _EVALUATIONS), f"{_EVALUATIONS} evaluations in {t.steps} steps"
    elif t.early_stopping:
        default, why = _STOPPING_INTERVAL, "early stopping counts evaluations, and an epoch is too coarse"
    else:
        return notes.pick("training.evaluate_every", t.evaluate_every, "epoch", "once each epoch")
    return notes.pick("training.evaluate_every", t.evaluate_every, default, why)


def resolve_saving(
    t: Training, evaluate_every: int | Literal["epoch", "never"], notes: Notes
) -> int | Literal["epoch"]:
    """Steps between two checkpoints, or `epoch`. Under early stopping each evaluation has its checkpoint."""
    if t.early_stopping and evaluate_every != "never":
        _check_multiple(t, evaluate_every, notes)
        return notes.pick("training.save_every", t.save_every, evaluate_every, "early stopping keeps the best one")
    if t.steps:
        interval = evaluate_every if isinstance(evaluate_every, int) else max(1, t.steps // _EVALUATIONS)
        return notes.pick("training.save_every", t.save_every, interval, f"{_EVALUATIONS} times in {t.steps} steps")
    return notes.pick("training.save_every", t.save_every, "epoch", "once each epoch")


def _check_multiple(t: Training, evaluate_every: int | str, notes: Notes) -> None:
    save = t.save_every
    if save is None or save == evaluate_every:
        return
    if isinstance(save, int) and isinstance(evaluate_every, int) and save % evaluate_every == 0:
        return
    notes.refuse(
        ("training", "save_every"),
        f"early stopping needs a checkpoint at evaluations, which run every {evaluate_every}",
        f"save_every: {evaluate_every}, or a multiple of it",
    )
