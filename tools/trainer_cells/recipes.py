"""A recipe from a row of the covering array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.trainer_cells.factors import LOW_RANK, NOT_WRITTEN, WITHOUT_BETAS, WITHOUT_EPSILON

OBJECTIVES: dict[str, Any] = {
    "dpo": {"type": "dpo", "beta": 0.2},
    "ipo": {"type": "dpo", "loss": "ipo", "sft_weight": 0.3},
    "simpo": {"type": "simpo", "gamma": 0.7},
    "kto": {"type": "kto", "desirable_weight": 1.5, "undesirable_weight": 0.5},
    "anchored": {"type": "sft", "kl_weight": 0.05},
    "grpo": {
        **{"type": "grpo", "generations": 2, "max_completion_length": 16, "temperature": 0.8, "epsilon": 0.1},
        "rewards": [
            {"path": "d/rewards.py", "function": "right_answer"},
            {"path": "d/rewards.py", "function": "short_answer", "weight": 0.2},
        ],
    },
}
WITH_MINIMUM = ("cosine_with_min_lr", "warmup_stable_decay")
PAIRS, HELD_OUT_PAIRS = {"path": "d/p10.jsonl"}, [{"path": "d/p4.jsonl"}]
DATA: dict[str, Any] = {
    "pretrain": {"path": "d/articles.jsonl", "format": "text"},
    **dict.fromkeys(("dpo", "ipo", "orpo", "simpo", "reward"), PAIRS),
    "kto": {"path": "d/k8.jsonl", "format": "kto"},
    "grpo": {"path": "d/sums.jsonl", "format": "prompt"},
}
FORMATS = {
    "messages": {"path": "d/s12.jsonl"},
    "sharegpt": {"path": "d/sharegpt.jsonl", "format": "sharegpt"},
    "alpaca": {"path": "d/alpaca.jsonl", "format": "alpaca"},
    "reasoned": {"path": "d/reasoned.jsonl"},
    "flagged": {"path": "d/flagged.jsonl"},
}
METHODS: dict[str, Any] = {
    "lora": {"type": "lora"},
    "dora": {"type": "lora", "variant": "dora"},
    "pissa": {"type": "lora", "variant": "pissa"},
    "full": {"type": "full"},
    "freeze": {"type": "freeze", "layers": 1},
    "continued": {"type": "lora", "rank": 8, "alpha": 16, "start_from": "sft-adapter"},
}
ALLOWED = dict.fromkeys(
    ("QR201", "QR203", "QR207", "QR208", "QR314", "QR403", "QR407", "QR419", "QR422"), "a test of what reaches trainers"
)


CHAT = ("train_on", "thinking", "encoding", "template", "turns")


def make_recipe(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe, with `MODEL` for the tiny model and `sft-adapter` for an adapter of rank 8 beside it."""
    recipe = {
        **{"version": 1, "name": name, "model": "MODEL"},
        "data": _make_data(row),
        "method": _make_method(row),
        "training": _make_training(row),
        "hardware": {"device": "cpu"},
        "allow": ALLOWED,
    }
    objective = str(row["objective"])
    recipe["objective"] = dict(OBJECTIVES.get(objective, {"type": objective}))
    if row["reference"] != NOT_WRITTEN:
        recipe["objective"]["reference"] = row["reference"]
    chat = {name: row[name] for name in CHAT if row[name] != NOT_WRITTEN}
    recipe |= {"chat": chat} if chat else {}
    recipe |= {"tracking": {"to": row["tracking"]}} if row["tracking"] != NOT_WRITTEN else {}
    return recipe


def _make_data(row: Mapping[str, Any]) -> dict[str, Any]:
    source = dict(DATA.get(str(row["objective"]), FORMATS[str(row["format"])]))
    source |= {name: row[name] for name in ("weight", "limit") if row[name] != NOT_WRITTEN}
    data: dict[str, Any] = {"train": [source]}
    if row["validation"] == "file":
        data["validation"] = _name_validation(source)
    elif row["validation"] != NOT_WRITTEN:
        data["validation"] = row["validation"]
    return data


def _name_validation(source: Mapping[str, Any]) -> list[dict[str, Any]]:
    if source["path"] == PAIRS["path"]:
        return HELD_OUT_PAIRS
    held_out = {key: value for key, value in source.items() if key not in ("weight", "limit")}
    return [{"path": "d/s10.jsonl"}] if held_out == FORMATS["messages"] else [held_out]


def _make_method(row: Mapping[str, Any]) -> dict[str, Any]:
    method = dict(METHODS[str(row["method"])])
    for name in ("rank", "alpha", "dropout", "rslora", "layers", "lora_plus"):
        if row[name] != NOT_WRITTEN:
            method[name] = row[name]
    if row["targets"] != NOT_WRITTEN:
        method["targets"] = ["q_proj", "k_proj", "v_proj", "o_proj"]
    if row["modules_to_save"] != NOT_WRITTEN:
        method["modules_to_save"] = [row["modules_to_save"]]
    return method


def make_optimizer_recipe(name: str, optimizer: str, method: str, scheduler: str) -> dict[str, Any]:
    """A recipe in which the optimizer's every number that it is given is another than its default."""
    schedule_free = optimizer == "schedule_free_adamw"
    scheduler = "constant" if schedule_free else scheduler
    training: dict[str, Any] = {
        **{"steps": 4, "batch_size": 2, "micro_batch_size": 2, "sequence_length": 256, "learning_rate": 1e-4},
        **{"optimizer": optimizer, "weight_decay": 0.07, "max_grad_norm": 0.7, "gradient_checkpointing": True},
        "scheduler": scheduler,
    }
    if scheduler in WITH_MINIMUM:
        training["min_learning_rate_ratio"] = 0.25
    if scheduler != "constant" or schedule_free:
        training["warmup_steps"] = 2
    if optimizer not in WITHOUT_BETAS:
        training["betas"] = [0.85, 0.97]
    if optimizer not in WITHOUT_EPSILON:
        training["epsilon"] = 1e-7
    if (optimizer == "muon" and method == "full") or optimizer in LOW_RANK:
        del training["weight_decay"]
    return {
        **{"version": 1, "name": name, "model": "MODEL", "data": {"train": "d/s12.jsonl"}},
        **{"method": {"type": "lora", "rank": 4} if method == "lora" else {"type": method}, "training": training},
        **{"hardware": {"device": "cpu"}, "allow": ALLOWED},
    }


PLAIN = (
    *("optimizer", "scheduler", "overlong", "packing", "epsilon", "weight_decay", "max_grad_norm", "seed"),
    *("data_seed", "precision", "gradient_checkpointing", "attention", "neftune", "early_stopping", "save_every"),
    *("keep_checkpoints", "log_every", "weights_dtype", "dataloader_workers", "save_optimizer"),
)


def _make_training(row: Mapping[str, Any]) -> dict[str, Any]:
    count, unit = str(row["length"]).split()
    size, _, micro = str(row["batch"]).split()
    training: dict[str, Any] = {"epochs" if unit.startswith("epoch") else "steps": int(count)}
    training |= {"batch_size": int(size), "micro_batch_size": int(micro)}
    training["sequence_length"] = 256 if row["sequence_length"] == NOT_WRITTEN else row["sequence_length"]
    training["learning_rate"] = 1e-4 if row["learning_rate"] == NOT_WRITTEN else row["learning_rate"]
    training |= {name: row[name] for name in PLAIN if row[name] != NOT_WRITTEN}
    if row["optimizer"] == "muon" and (row["method"] in ("full", "freeze") or row["objective"] == "reward"):
        training.pop("weight_decay", None)  # the one framework that trains so decays norms and biases too
    if row["betas"] != NOT_WRITTEN:
        training["betas"] = [float(beta) for beta in str(row["betas"]).split(",")]
    if row["early_stopping"] != NOT_WRITTEN:
        training["evaluate_every"] = 2
    if row["warmup"] != NOT_WRITTEN:
        training["warmup_ratio" if isinstance(row["warmup"], float) else "warmup_steps"] = row["warmup"]
    if row["scheduler"] in WITH_MINIMUM:
        training["min_learning_rate_ratio"] = 0.25
    if row["optimizer"] in ("galore_adamw", "apollo_adamw"):
        training["low_rank"] = {"rank": 4, "update_interval": 2, "scale": 0.5}
    return training
