"""On PYTHONPATH: looks at transformers' Trainer from inside, in each process of a run that several GPUs share.

$TRAINER_DTYPES names a folder: training stops at its first step, and each process writes rank<n>.json there: dtypes of
the trained weights and of the weights that the optimizer updates (DeepSpeed's master weights), with how many tensors
have each. $TRAINER_MEMORY names a folder: after training each process writes rank<n>.json there: peaks of its GPU's
memory in bytes, which no reset by the framework can hide, seconds of each step, and the losses that were logged.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

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


class MemoryPeaks:
    """The most that this process's GPU memory held, whatever resets PyTorch's own peaks."""

    def __init__(self) -> None:
        import torch

        self.cuda, self.allocated, self.reserved = torch.cuda, 0, 0
        for name in ("_cuda_resetPeakMemoryStats", "_accelerator_resetPeakStats"):
            if hasattr(torch._C, name):
                setattr(torch._C, name, self.keep_before(getattr(torch._C, name)))

    def keep(self) -> None:
        """Hold on to the peaks since the last reset."""
        self.allocated = max(self.allocated, int(self.cuda.max_memory_allocated()))
        self.reserved = max(self.reserved, int(self.cuda.max_memory_reserved()))

    def keep_before(self, reset: Callable[..., Any]) -> Callable[..., Any]:
        """The reset, after a look at what it would hide."""

        def kept(*arguments: Any) -> Any:
            self.keep()
            return reset(*arguments)

        return kept


def measure_memory(module: ModuleType) -> None:
    """Let every Trainer write this process's peaks, step times and losses once it has trained."""
    peaks, train = MemoryPeaks(), module.Trainer.train

    class Steps(module.TrainerCallback):  # type: ignore[name-defined,misc]
        ends: ClassVar[list[float]] = []
        losses: ClassVar[list[float]] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            peaks.cuda.synchronize()
            self.ends.append(time.perf_counter())

        def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
            if logs and "loss" in logs:
                self.losses.append(float(logs["loss"]))

    def run(trainer: Any, *arguments: Any, **options: Any) -> Any:
        trainer.add_callback(Steps())
        Steps.ends[:] = [time.perf_counter()]
        done = train(trainer, *arguments, **options)
        peaks.keep()
        seconds = [round(end - start, 4) for start, end in pairwise(Steps.ends)]
        found = {"allocated": peaks.allocated, "reserved": peaks.reserved, "step_seconds": seconds}
        found["losses"] = Steps.losses
        file = Path(os.environ["TRAINER_MEMORY"]) / f"rank{os.environ.get('RANK', '0')}.json"
        file.write_text(json.dumps(found), "utf-8")
        return done

    module.Trainer.train = run


class ChangingLoader(importlib.abc.Loader):
    """Loads the module, then changes its Trainer."""

    def __init__(self, loader: Any, change: Callable[[ModuleType], None]) -> None:
        self.loader, self.change = loader, change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        self.change(module)


class TrainerFinder(importlib.abc.MetaPathFinder):
    """Finds transformers' module of the Trainer once."""

    def __init__(self, change: Callable[[ModuleType], None]) -> None:
        self.change = change

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        spec.loader = ChangingLoader(spec.loader, self.change)
        return spec


if "TRAINER_DTYPES" in os.environ:
    sys.meta_path.insert(0, TrainerFinder(stop_at_first_step))
elif "TRAINER_MEMORY" in os.environ:
    sys.meta_path.insert(0, TrainerFinder(measure_memory))
