"""A config as the scripts of `trl sft`, `dpo`, `kto`, `reward` and `grpo` read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from . import common_arguments, objective, simulated_machine
from .common_arguments import Arguments

REPORTED_STEPS = (100, 1000)
METHODS = ("sft", "dpo", "kto", "reward", "grpo")
REWARDS = "reward_functions."


def load() -> str:
    """Import TRL; its version."""
    os.environ.update(simulated_machine.WORKER_ENVIRONMENT)
    trl = import_module("trl")
    for method in METHODS:
        import_module(f"trl.scripts.{method}").make_parser(prog="trl")
    import_module("torch.testing._internal.distributed.fake_pg")
    _import_what_is_read(trl)
    return str(trl.__version__)


def _import_what_is_read(trl: Any) -> None:
    """PEFT and bitsandbytes, which TRL imports late: once for all configs."""
    model = trl.ModelConfig(model_name_or_path="any", use_peft=True, load_in_4bit=True)
    trl.get_quantization_config(model)
    trl.get_peft_config(model)


def parse(request: Mapping[str, Any]) -> tuple[Arguments, Arguments]:
    """What training would run with, under our names and under TRL's; `command` is the script (`sft`, `dpo`, …).

    Unknown keys, which the script alone would ignore, are refused as `trainer_plugin.py` does.
    """
    if request["assume_gpu"]:
        simulated_machine.simulate_gpu([])
    if request["gpus"] > 1:
        simulated_machine.simulate_processes(request["gpus"])
    method = request["command"] or "sft"
    parser = import_module(f"trl.scripts.{method}").make_parser(prog=f"trl {method}")
    words = ["--config", request["config"]]
    script, train, model, *others, unknown = parser.parse_args_and_config(words, return_remaining_strings=True)
    if unknown:
        raise ValueError(f"unknown keys: {' '.join(unknown)}")
    parts = {"script": script, "training": train, "model": model, **({"dataset": others[0]} if others else {})}
    arguments = common_arguments.divide_batch(resolve_arguments(method, script, train, model), 1, 1)
    return arguments, {name: common_arguments.to_json_value(vars(part)) for name, part in parts.items()}


def resolve_arguments(method: str, script: Any, train: Any, model: Any) -> Arguments:
    """The script's arguments under our names."""
    trl = import_module("trl")
    functions = [name.removeprefix(REWARDS) for name in getattr(script, "reward_funcs", None) or ()]
    return {
        **common_arguments.read_training_arguments(train),
        **{f"warmup_steps_at_{total}": common_arguments.compute_warmup_steps(train, total) for total in REPORTED_STEPS},
        **common_arguments.read_quantization(trl.get_quantization_config(model)),
        **common_arguments.read_adapter(trl.get_peft_config(model)),
        **objective.read_trl_objective(method, train, functions),
        **resolve_checkpointing(train),
        "trained_layers": None,
        "lora_plus": None,
        "start_from": None,
        "streaming": bool(script.dataset_streaming),
        "fp8": False,
        "offload_activations": bool(getattr(train, "activation_offloading", False)),
        "cut_cross_entropy": False,
        "max_length": getattr(train, "max_length", None),
        "packing": bool(getattr(train, "packing", False)),
        "attention": model.attn_implementation,
        "liger": bool(train.use_liger_kernel),
        "lora_kernels": [],
    }


def resolve_checkpointing(train: Any) -> Arguments:
    """Activations that are computed again."""
    options = train.gradient_checkpointing_kwargs or {}
    return {
        "gradient_checkpointing": bool(train.gradient_checkpointing),
        "use_reentrant": bool(options.get("use_reentrant")) if train.gradient_checkpointing else None,
    }
