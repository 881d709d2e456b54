"""`axolotl train`, in this process."""

from __future__ import annotations

import sys
from importlib import import_module

PROGRAMS = ("axolotl",)
VARIABLES = {"AXOLOTL_DATASET_NUM_PROC": "1", "AXOLOTL_DO_NOT_TRACK": "1"}
MODULES = ("cli.main", "cli.train", "cli.config", "train", "utils.data", "core.builders", "core.trainers", "loaders")


def load() -> None:
    """Import what trains."""
    for module in MODULES:
        import_module(f"axolotl.{module}")
    import_module("trl.experimental.orpo")


def start(words: list[str]) -> None:
    """Run the command; without the launcher that would start a process for each GPU."""
    own = words[: words.index("--")] if "--" in words else list(words)
    if "--launcher" in own:
        own[own.index("--launcher") + 1] = "python"
    sys.argv = own
    import_module("axolotl.cli.main").main()
