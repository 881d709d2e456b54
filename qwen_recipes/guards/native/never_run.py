"""What a config asks for and the framework never does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig, read_switch
from qwen_recipes.guards.native.base import NativeViolation


def check_qr706(config: NativeConfig) -> Iterator[NativeViolation]:
    """Evaluation that never runs in Axolotl, training that never starts in LLaMA-Factory."""
    data = config.data
    if config.backend == "axolotl" and config.form == "yaml":
        yield from check_evaluation(data)
    elif config.backend == "llamafactory" and config.command == "train" and not config.names_config_file:
        yield from check_training(data)


def check_evaluation(data: dict[str, Any]) -> Iterator[NativeViolation]:
    """Rows are held back, and no key says when to evaluate."""
    held_back = data.get("val_set_size") or data.get("test_datasets")
    when = [data.get(key) for key in ("eval_steps", "evals_per_epoch", "eval_strategy", "evaluation_strategy")]
    key = "val_set_size" if data.get("val_set_size") else "test_datasets"
    if held_back and not any(when):
        message = f"`{key}` holds out validation data, but no evaluation interval is set: evaluation never runs"
        yield NativeViolation((key,), message, "eval_strategy: epoch, or eval_steps", severity="warning", at_key=True)
    elif held_back and data.get("evals_per_epoch") == 1 and data.get("num_epochs") == 1 and not any(when[2:]):
        message = "one evaluation per epoch in a run of one epoch never runs"
        yield NativeViolation(("evals_per_epoch",), message, "eval_strategy: epoch", severity="warning")


def check_training(data: dict[str, Any]) -> Iterator[NativeViolation]:
    """Without one of its switches the command ends well and has done nothing."""
    asked = any(read_switch(data, key) for key in ("do_train", "do_eval", "do_predict"))
    written = {"do_train", "do_eval", "do_predict"} & set(data)
    if not asked and not any("$" in str(data[key]) for key in written):
        yield NativeViolation(
            ("do_train",) if "do_train" in data else ("model_name_or_path",),
            "without `do_train: true` the command exits 0 and trains nothing",
            "do_train: true",
            at_key=True,
        )
