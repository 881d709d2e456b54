"""`swift sft`, `swift pt` and `swift rlhf`, in this process."""

from __future__ import annotations

import os
import runpy
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

PROGRAMS = ("swift", "megatron")
DISTILLING = "GKDTrainer"
LAUNCHER = ("NPROC_PER_NODE", "NNODES", "MASTER_PORT", "NODE_RANK", "MASTER_ADDR")


def load() -> None:
    """Import what trains."""
    for module in ("cli.main", "cli.utils", "pipelines", "rlhf_trainers", "trainers", "ray_utils", "callbacks"):
        import_module(f"swift.{module}")
    import_module("swift.pipelines.train.rlhf")


def encode_batch(trainer: Any, batch: Any) -> Any:
    """What the step of an anchored model makes of a batch of examples."""
    if not isinstance(batch, list) or type(trainer).__name__ != DISTILLING:
        return batch
    return trainer._prepare_inputs(batch)["model_inputs"]


def start(words: list[str]) -> None:
    """Run the program that the command would start; without the launcher for several GPUs."""
    for name in LAUNCHER:
        os.environ.pop(name, None)
    cli = import_module("swift.cli.main")
    subcommand, arguments = words[1], [word for word in words[2:] if word != "--config"]
    cli.parse_yaml_args(arguments)
    spec = find_spec(cli.ROUTE_MAPPING[subcommand])
    program = str(spec.origin) if spec else subcommand
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
