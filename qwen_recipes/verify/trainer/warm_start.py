"""What makes a case take seconds: nothing here changes what is trained."""

from __future__ import annotations

import functools
import gc
import uuid
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

EARLY = (
    *("bitsandbytes", "deepspeed", "torch._dynamo", "torch._inductor.compile_fx", "peft.tuners.lora.bnb"),
    *("transformers.models.qwen3.modeling_qwen3", "transformers.models.qwen3_moe.modeling_qwen3_moe"),
    *("trl.trainer.dpo_trainer", "trl.trainer.reward_trainer", "trl.trainer.kto_trainer", "trl.trainer.grpo_trainer"),
    *("trl.experimental.orpo", "trl.experimental.cpo", "tensorboard", "torch.utils.tensorboard", "scipy.io"),
)
"""Modules that frameworks import on the way to their trainer."""
IN_PROCESSES = ("map", "filter", "save_to_disk")


def import_early() -> None:
    """Import what every case would import again."""
    for module in EARLY:
        if find_spec(module.partition(".")[0]):
            try:
                import_module(module)
            except ImportError:
                continue
    _read_every_config_class()


def _read_every_config_class() -> None:
    """transformers' tables of models are filled where they are first looked through, by importing two hundred files."""
    for model_type in import_module("transformers.models.auto.configuration_auto").CONFIG_MAPPING:
        try:
            _ = import_module("transformers").CONFIG_MAPPING[model_type]
        except (ImportError, AttributeError):
            continue


def freeze_objects() -> None:
    """Let collections in a child skip what is there already: walking it would copy its memory."""
    gc.collect()
    gc.freeze()


def keep_datasets_in_process() -> None:
    """Let data sets be mapped in this process, and give every step a fingerprint of its own.

    Otherwise each step starts a process that imports the framework again, and the tokenizer is pickled for the names of
    cached files, of which none is found again.
    """
    import_module("datasets.fingerprint").Hasher.hash = classmethod(lambda _cls, _value: uuid.uuid4().hex[:16])
    dataset = import_module("datasets").Dataset
    for name in IN_PROCESSES:
        setattr(dataset, name, _without_processes(getattr(dataset, name)))


def _without_processes(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call_without_processes(*args: object, **options: object) -> object:
        return method(*args, **{**options, "num_proc": None})

    return call_without_processes
