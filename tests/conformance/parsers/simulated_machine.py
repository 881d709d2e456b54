"""The machine a config is parsed for: GPUs that are not here, and processes that were not started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

WORKER_ENVIRONMENT = {
    "AXOLOTL_DO_NOT_TRACK": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Environment of every worker: no network, no telemetry, no real GPU."""


def simulate_gpu(modules: Iterable[ModuleType]) -> None:
    """Let the probes for bfloat16 and TF32 say yes wherever `modules` hold them. Every other check stays."""
    training = import_module("transformers.training_args")
    for module in (training, *modules):
        for probe in ("is_torch_bf16_gpu_available", "is_torch_tf32_available"):
            if hasattr(module, probe):
                setattr(module, probe, lambda *_args, **_options: True)
    if hasattr(training, "enable_tf32"):
        vars(training)["enable_tf32"] = lambda *_args, **_options: None


def simulate_processes(count: int) -> None:
    """Be rank 0 of `count` processes on this host, in a process group whose collectives do nothing."""
    distributed = import_module("torch.distributed")
    store = import_module("torch.testing._internal.distributed.fake_pg").FakeStore()
    world = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in world.items()})
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29500", ACCELERATE_USE_CPU="true")
    distributed.init_process_group("fake", store=store, rank=0, world_size=count)


def find_model_folder(name: str | None, stand_in: str | None) -> str | None:
    """The folder with the model's config.json: its own where the model is local, else the stand-in."""
    return name if name and (Path(name) / "config.json").exists() else stand_in


def read_model_config(folder: str) -> Any:
    """The transformers config in `folder`."""
    return import_module("transformers").AutoConfig.from_pretrained(folder)


def build_blank_model(folder: str) -> Any:
    """The model of the config in `folder`, on the meta device: its modules without their weights.

    Made from its class: `from_config` would hand it to DeepSpeed where ZeRO-3 is on.
    """
    config = read_model_config(folder)
    classes = import_module("transformers.models.auto.modeling_auto").MODEL_FOR_CAUSAL_LM_MAPPING
    with import_module("torch").device("meta"):
        return classes[type(config)](config)
