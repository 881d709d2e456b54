"""What was run for each framework and objective, as this repository's own results say.

`tested_objectives.json` is written by tools/tested_objectives.py from those results, never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

Level = Literal["parsed", "seen at the trainer", "trained on a CPU", "trained on a GPU", "trained on two GPUs"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the least to the most that was shown."""
OBJECTIVES = ("sft", "pretrain", "dpo", "orpo", "simpo", "kto", "reward", "grpo")
FILE = Path(__file__).with_suffix(".json")


def load_tested_objectives(backend: str) -> Mapping[str, tuple[Level, ...]]:
    """What was run with a backend, by objective; an objective that is missing was not run."""
    known: dict[str, dict[str, list[Level]]] = json.loads(FILE.read_text("utf-8"))
    return {objective: tuple(levels) for objective, levels in known.get(backend, {}).items()}


def describe_levels(levels: tuple[Level, ...]) -> str:
    """`seen at the trainer; trained on a CPU and two GPUs`."""
    seen = [level for level in levels if not level.startswith("trained on ")]
    trained = [level.removeprefix("trained on ") for level in levels if level.startswith("trained on ")]
    return "; ".join([*seen, *(["trained on " + ", ".join(trained)] if trained else [])]) or "not run"
