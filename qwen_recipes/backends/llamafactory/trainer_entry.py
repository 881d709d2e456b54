"""`llamafactory-cli train`, in this process."""

from __future__ import annotations

import os
import sys
from importlib import import_module

PROGRAMS = ("llamafactory-cli",)
LAUNCHER = ("FORCE_TORCHRUN", "NNODES", "NPROC_PER_NODE")


def load() -> None:
    """Import what trains."""
    for module in ("launcher", "cli", "train.tuner"):
        import_module(f"llamafactory.{module}")


def start(words: list[str]) -> None:
    """Run the command; without the launcher that would start a process for each GPU."""
    for name in LAUNCHER:
        os.environ.pop(name, None)
    at = next(place for place, word in enumerate(words) if word.endswith("train.yaml"))
    sys.argv = ["llamafactory-cli", "train", *words[at:]]
    import_module("llamafactory.cli").main()
