"""On PYTHONPATH: stops transformers' Trainer at its first step and writes in what trained weights are held.

$TRAINER_DTYPES names a folder; each process writes rank<n>.json: dtypes of the trained weights and of the weights that
the optimizer updates (DeepSpeed's master weights), with how many tensors have each.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

MODULE = "transformers.trainer"


def count_dtypes(tensors: Iterable[Any]) -> dict[str, int]:
    """Tensors by dtype."""
    return dict(Counter(str(tensor.dtype).removeprefix("torch.") for tensor in tensors))


def list_updated(optimizer: Any) -> list[Any]:
    """The weights that the optimizer steps: DeepSpeed's ZeRO-3 puts its partitions into the groups only for a step."""
    while not hasattr(optimizer, "fp32_partitioned_groups_flat") and hasattr(optimizer, "optimizer"):
        optimizer = optimizer.optimizer
    if hasattr(optimizer, "fp32_partitioned_groups_flat"):
        return list(optimizer.fp32_partitioned_groups_flat)
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def write_dtypes(trainer: Any) -> None:
    """Write this process's file."""
    found = {
        "trained": count_dtypes(weight for weight in trainer.model.parameters() if weight.requires_grad),
        "updated": count_dtypes(list_updated(trainer.optimizer)),
    }
    rank = os.environ.get("RANK", "0")
    (Path(os.environ["TRAINER_DTYPES"]) / f"rank{rank}.json").write_text(json.dumps(found), "utf-8")


def stop_at_first_step(module: ModuleType) -> None:
    """Let every Trainer train up to its first step."""

    def training_step(trainer: Any, *_args: Any, **_options: Any) -> None:
        write_dtypes(trainer)
        if "RANK" in os.environ:
            __import__("torch").distributed.barrier()
        os._exit(0)

    def run(trainer: Any, *args: Any, **options: Any) -> Any:
        type(trainer).training_step = training_step
        return train(trainer, *args, **options)

    train = module.Trainer.train
    module.Trainer.train = run


class StopLoader(importlib.abc.Loader):
    """Loads the module, then changes its Trainer."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        stop_at_first_step(module)


class StopFinder(importlib.abc.MetaPathFinder):
    """Finds transformers' module of the Trainer once."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        spec.loader = StopLoader(spec.loader)
        return spec


if "TRAINER_DTYPES" in os.environ:
    sys.meta_path.insert(0, StopFinder())
