"""Settings of a recipe that are combined at the trainer, and which do not stand together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qwen_recipes.recipe.objective_formats import NEXT_TOKEN_OBJECTIVES

NOT_WRITTEN = ""
"""The level at which a field is left out of the recipe."""

FACTORS: dict[str, list[Any]] = {
    # optimizers that one class of a framework makes, and schedules that one function makes, stand for each other here:
    # each has cells of its own beside the array
    "objective": [
        *("sft", "pretrain", "dpo", "ipo", "orpo", "simpo", "kto", "reward", "grpo", "anchored"),
    ],
    "method": ["lora", "dora", "pissa", "full", "freeze", "continued"],
    "optimizer": [NOT_WRITTEN, "adamw_8bit", "adafactor", "muon", "sgd"],
    "scheduler": [NOT_WRITTEN, "linear", "cosine_with_min_lr", "constant", "warmup_stable_decay"],
    "rank": [NOT_WRITTEN, 2, 4],
    "alpha": [NOT_WRITTEN, 4, 12],
    "dropout": [NOT_WRITTEN, 0.1],
    "targets": [NOT_WRITTEN, "attention"],
    "rslora": [NOT_WRITTEN, True],
    "layers": [NOT_WRITTEN, 1],
    "lora_plus": [NOT_WRITTEN, 8.0],
    "modules_to_save": [NOT_WRITTEN, "embed_tokens"],
    "length": ["4 steps", "7 steps", "1 epoch", "2 epochs"],
    "warmup": [NOT_WRITTEN, 0, 0.25, 2],
    "batch": ["4 of 2", "2 of 2", "3 of 1"],
    "sequence_length": [NOT_WRITTEN, 48, 128],
    "overlong": [NOT_WRITTEN, "truncate"],
    "packing": [NOT_WRITTEN, True],
    "learning_rate": [NOT_WRITTEN, 3e-5],
    "betas": [NOT_WRITTEN, "0.85, 0.97"],
    "epsilon": [NOT_WRITTEN, 1e-7],
    "weight_decay": [NOT_WRITTEN, 0.07],
    "max_grad_norm": [NOT_WRITTEN, 0.7],
    "seed": [NOT_WRITTEN, 7],
    "data_seed": [NOT_WRITTEN, 11],
    "precision": [NOT_WRITTEN, "bf16"],
    "gradient_checkpointing": [True, False],
    "attention": [NOT_WRITTEN, "eager"],
    "neftune": [NOT_WRITTEN, 5.0],
    "validation": [NOT_WRITTEN, "file", 0.25],
    "early_stopping": [NOT_WRITTEN, 2],
    "save_every": [NOT_WRITTEN, 2],
    "keep_checkpoints": [NOT_WRITTEN, 3],
    "log_every": [NOT_WRITTEN, 3],
    "train_on": [NOT_WRITTEN, "last-assistant", "all"],
    "thinking": [NOT_WRITTEN, "train-empty"],
    "encoding": [NOT_WRITTEN, "exact"],
    "template": [NOT_WRITTEN, "d/plain.jinja"],
    "format": ["messages", "sharegpt", "alpaca", "reasoned", "flagged"],
    "turns": [NOT_WRITTEN, "together", "last"],
    "weight": [NOT_WRITTEN, 0.5, 2.0],
    "limit": [NOT_WRITTEN, 6],
    "weights_dtype": [NOT_WRITTEN, "bfloat16"],
    "reference": [NOT_WRITTEN, "base"],
    "dataloader_workers": [NOT_WRITTEN, 2],
    "save_optimizer": [NOT_WRITTEN, False],
    "tracking": [NOT_WRITTEN, "tensorboard"],
}
ADAPTERS = ("lora", "dora", "pissa", "continued")
COMPARES = ("dpo", "ipo", "kto", "grpo", "anchored")
LOW_RANK = ("galore_adamw", "apollo_adamw")
WITHOUT_BETAS = ("adafactor", "sgd", *LOW_RANK)
WITHOUT_EPSILON = (*WITHOUT_BETAS, "lion_8bit", "lion_32bit")

Rule = tuple[str, str, Callable[[Any, Any], bool]]
"""Two factors, and whether two of their levels may stand together."""


def unless_written(allowed: Callable[[Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda setting, other: setting == NOT_WRITTEN or allowed(other)


def _for_adapters(name: str) -> Rule:
    return name, "method", unless_written(lambda method: method in ADAPTERS)


def _for_new_adapters(name: str) -> Rule:
    return name, "method", unless_written(lambda method: method in ADAPTERS and method != "continued")


def for_objectives(name: str, *objectives: str) -> Rule:
    return name, "objective", unless_written(lambda objective: objective in objectives)


RULES: list[Rule] = [
    *(_for_new_adapters(name) for name in ("rank", "alpha", "targets", "rslora", "modules_to_save")),
    _for_adapters("lora_plus"),
    _for_new_adapters("dropout"),
    ("layers", "method", unless_written(lambda method: method in ("lora", "dora", "freeze"))),
    ("optimizer", "method", lambda optimizer, method: optimizer not in LOW_RANK or method == "full"),
    ("betas", "optimizer", unless_written(lambda optimizer: optimizer not in WITHOUT_BETAS)),
    ("epsilon", "optimizer", unless_written(lambda optimizer: optimizer not in WITHOUT_EPSILON)),
    ("warmup", "scheduler", lambda warmup, scheduler: warmup in (NOT_WRITTEN, 0) or scheduler != "constant"),
    ("scheduler", "length", lambda scheduler, length: scheduler != "warmup_stable_decay" or "step" in length),
    ("early_stopping", "validation", unless_written(lambda validation: validation != NOT_WRITTEN)),
    ("early_stopping", "length", unless_written(lambda length: "step" in length)),
    ("early_stopping", "save_every", unless_written(lambda save_every: save_every == NOT_WRITTEN)),
    for_objectives("packing", *NEXT_TOKEN_OBJECTIVES),
    for_objectives("encoding", *NEXT_TOKEN_OBJECTIVES),
    ("packing", "neftune", unless_written(lambda neftune: neftune == NOT_WRITTEN)),
    *(for_objectives(name, "sft") for name in ("train_on", "thinking", "template")),
    ("thinking", "template", unless_written(lambda template: template == NOT_WRITTEN)),
    ("thinking", "train_on", unless_written(lambda train_on: train_on != "all")),
    ("format", "objective", lambda form, objective: form == "messages" or objective == "sft"),
    ("turns", "format", unless_written(lambda form: form == "reasoned")),
    ("turns", "template", unless_written(lambda template: template == NOT_WRITTEN)),
    ("turns", "train_on", lambda turns, train_on: turns != "last" or train_on != "all"),
    ("weights_dtype", "precision", unless_written(lambda precision: precision == "bf16")),
    for_objectives("reference", *COMPARES),
    ("reference", "method", unless_written(lambda method: method == "continued")),
    ("lora_plus", "optimizer", unless_written(lambda optimizer: optimizer != "muon")),
    ("save_optimizer", "early_stopping", unless_written(lambda early_stopping: early_stopping == NOT_WRITTEN)),
    ("overlong", "objective", unless_written(lambda objective: objective not in ("kto", "grpo", "reward"))),
    ("sequence_length", "limit", lambda length, limit: length != 48 or limit == NOT_WRITTEN),
    ("sequence_length", "format", lambda length, form: length != 48 or form != "reasoned"),
    ("sequence_length", "objective", lambda length, objective: length != 48 or objective in NEXT_TOKEN_OBJECTIVES),
    ("method", "objective", lambda method, objective: method != "continued" or objective != "pretrain"),
    ("batch", "objective", lambda batch, objective: objective != "kto" or batch != "3 of 1"),
    ("batch", "objective", lambda batch, objective: objective != "grpo" or batch == "4 of 2"),
]


def is_allowed(row: Mapping[str, Any], rules: Sequence[Rule]) -> bool:
    """Whether no rule, ours or the framework's, forbids the levels that the row has so far."""
    return all(rule(row[a], row[b]) for a, b, rule in (*RULES, *rules) if a in row and b in row)
