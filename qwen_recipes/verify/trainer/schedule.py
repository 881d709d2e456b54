"""Planned steps, and the learning rate along them."""

from __future__ import annotations

import warnings
from typing import Any

from .plain import name_class, to_plain

MOST_STEPS = 50_000
"""The schedule is followed no further."""
MOST_EXAMPLES = 2000
"""So many rows of a data set are measured."""


def observe_steps(trainer: Any) -> dict[str, Any]:
    """Optimizer steps of the run as the trainer has planned them, warmup steps, micro-batches of one epoch."""
    args, state = trainer.args, trainer.state
    return {
        "total": state.max_steps,
        "epochs": state.num_train_epochs,
        "warmup": _count_warmup(trainer),
        "batches_per_epoch": _count(trainer.callback_handler.train_dataloader),
        "examples": _count(trainer.train_dataset),
        "longest_example": _find_longest(trainer.train_dataset),
        "evaluated_examples": _count_evaluated(trainer.eval_dataset),
        "accumulation": args.gradient_accumulation_steps,
        "micro_batch": args.train_batch_size,
        "log_every": state.logging_steps,
        "evaluate_every": state.eval_steps,
        "save_every": state.save_steps,
    }


def _count_warmup(trainer: Any) -> Any:
    return to_plain(trainer.args.get_warmup_steps(trainer.state.max_steps))


def _count(thing: Any) -> int | None:
    try:
        return len(thing)
    except TypeError:
        return None


def _find_longest(dataset: Any) -> int | None:
    """Tokens of the longest of the first rows; None where the data set holds no `input_ids`."""
    if "input_ids" not in (getattr(dataset, "column_names", None) or ()) or not _count(dataset):
        return None
    return max(len(row) for row in dataset[:MOST_EXAMPLES]["input_ids"])


def _count_evaluated(dataset: object) -> object:
    if isinstance(dataset, dict):
        return {name: _count(one) for name, one in dataset.items()}
    return _count(dataset)


def observe_scheduler(trainer: Any) -> dict[str, Any]:
    """The scheduler's class, and at some steps the learning rate of each of the optimizer's groups.

    Moves the scheduler to the end of the run.
    """
    scheduler, total = trainer.lr_scheduler, trainer.state.max_steps
    found = {
        "class": name_class(scheduler),
        "function": _describe_function(scheduler),
        "base": to_plain(_find_base_rates(scheduler)),
    }
    if total > MOST_STEPS or type(scheduler).__name__ == "ReduceLROnPlateau":
        return {**found, "rates": {}}
    return {
        **found,
        "rates": _follow_rates(trainer.optimizer, scheduler, _choose_steps(total, int(_count_warmup(trainer)))),
    }


def _find_base_rates(scheduler: object) -> object:
    return getattr(scheduler, "base_lrs", None)


def _describe_function(scheduler: object) -> object:
    functions = getattr(scheduler, "lr_lambdas", None)
    if not functions:
        return None
    inner = getattr(functions[0], "func", functions[0])
    options = getattr(functions[0], "keywords", {})
    return {"name": to_plain(inner), "options": to_plain(options)}


def _choose_steps(total: int, warmup: int) -> list[int]:
    return sorted({step for step in (0, 1, warmup, total // 2, total - 1) if 0 <= step < total})


def _follow_rates(optimizer: Any, scheduler: Any, steps: list[int]) -> dict[str, list[float]]:
    """Learning rates by step; step 0 is the first optimizer step."""
    rates = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(steps[-1] + 1):
            if step in steps:
                rates[str(step)] = [float(group["lr"]) for group in optimizer.param_groups]
            scheduler.step()
    return rates
