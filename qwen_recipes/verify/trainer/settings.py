"""The trainer's own settings, its arguments and its callbacks."""

from __future__ import annotations

import dataclasses
from typing import Any

from .plain import list_settings, name_class, to_plain

FUNCTIONS = ("compute_loss", "training_step", "create_optimizer", "create_scheduler", "data_collator")


def observe_trainer(trainer: object) -> dict[str, object]:
    """Classes, plain attributes (beta, loss_type, weights …), and where loss, optimizer and batches are made."""
    return {
        "class": name_class(trainer),
        "bases": [f"{cls.__module__}.{cls.__qualname__}" for cls in type(trainer).__mro__[1:-1]],
        "settings": list_settings(trainer),
        "functions": {name: to_plain(getattr(trainer, name, None)) for name in FUNCTIONS},
        "compute_loss_func": to_plain(getattr(trainer, "compute_loss_func", None)),
        "label_smoother": _describe_label_smoother(trainer),
        "rewards": _describe_rewards(trainer),
        "template_length": getattr(getattr(trainer, "template", None), "max_length", None),
    }


def _describe_label_smoother(trainer: object) -> object:
    smoother = getattr(trainer, "label_smoother", None)
    return None if smoother is None else {"class": name_class(smoother), **list_settings(smoother)}


def _describe_rewards(trainer: object) -> object:
    functions = getattr(trainer, "reward_funcs", None)
    if functions is None:
        return None
    return {"functions": to_plain(functions), "weights": to_plain(getattr(trainer, "reward_weights", None))}


def observe_arguments(trainer: Any) -> dict[str, Any]:
    """Every field of the training arguments."""
    args = trainer.args
    names = [field.name for field in dataclasses.fields(args)] if dataclasses.is_dataclass(args) else list(vars(args))
    return {name: to_plain(getattr(args, name, None)) for name in names if "token" not in name or "hub" not in name}


def observe_callbacks(trainer: Any) -> list[dict[str, Any]]:
    """Class and plain attributes of each callback, in order."""
    return [{"class": name_class(one), "settings": list_settings(one)} for one in trainer.callback_handler.callbacks]
