"""`trainer_plugin.py`, which runs the script of `trl sft` and its like, in this process."""

from __future__ import annotations

import sys
from importlib import import_module

METHODS = ("sft", "dpo", "kto", "reward", "grpo")


def load() -> None:
    """Import what trains."""
    for method in METHODS:
        import_module(f"trl.scripts.{method}")
        import_module(f"trl.trainer.{method}_trainer")


def start(words: list[str]) -> None:
    """Run the program; without the launcher that would start a process for each GPU."""
    at = next(place for place, word in enumerate(words) if word.endswith("trainer_plugin.py"))
    sys.path.insert(0, words[at].rpartition("/")[0])
    import_module("trainer_plugin").main(words[at + 1 :])
