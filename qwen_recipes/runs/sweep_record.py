"""The record of a sweep, `sweep.json` in its output folder: a row for each trial, however it ended."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.resolve.sweep_metric import SweepMetric
from qwen_recipes.runs.validate_record import validate_record

SWEEP_FILE = "sweep.json"
TrialStatus = Literal[
    "waiting", "running", "finished", "pruned", "diverged", "out of memory", "does not fit", "failed", "interrupted"
]
ENDED: tuple[TrialStatus, ...] = ("finished", "pruned", "diverged", "out of memory", "does not fit", "failed")
"""States of a trial that is not run again."""


@dataclass
class TrialRow:
    """One trial: its values, how it ended, and what it is ranked by. `output` is relative to the sweep's folder."""

    name: str
    values: dict[str, Any]
    recipe_hash: str
    output: str
    status: TrialStatus = "waiting"
    metric: float | None = None
    rank: int | None = None
    loss: float | None = None
    eval_loss: float | None = None
    steps: int | None = None
    seconds: float | None = None
    problem: str | None = None
    weights: bool = False


@dataclass
class SweepRecord:
    """A sweep. `status` is running, finished, failed (no trial could be ranked) or interrupted."""

    name: str
    file: str
    output: str
    metric: str
    maximize: bool
    fields: list[str]
    keep: str
    started: str
    trials: list[TrialRow] = field(default_factory=list)
    status: str = "running"
    best: str | None = None
    ended: str | None = None
    search: dict[str, Any] | None = None
    overrides: list[str] = field(default_factory=list)
    version: int = 1

    def rank_trials(self, metric: SweepMetric) -> None:
        """Rank the trials that finished, the best first, and name the best."""
        ranked = [row for row in self.trials if row.status == "finished" and row.metric is not None]
        ranked.sort(key=lambda row: -(row.metric or 0) if metric.maximize else (row.metric or 0))
        for row in self.trials:
            row.rank = ranked.index(row) + 1 if row in ranked else None
        self.best = ranked[0].name if ranked else None

    def list_ranked(self) -> list[TrialRow]:
        """The best first; those without a rank last, in their order."""
        return sorted(self.trials, key=lambda row: row.rank if row.rank is not None else math.inf)


def write_sweep_record(record: SweepRecord) -> None:
    """Write `sweep.json` whole or not at all. Raises OSError."""
    text = json.dumps(asdict(record), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    replace_file(Path(record.output) / SWEEP_FILE, text, create_folder=False)


def read_sweep_record(output: Path) -> SweepRecord | None:
    """The record in a sweep's folder; None where there is none that can be read."""
    try:
        record = validate_record(SweepRecord, read_json(output / SWEEP_FILE, "record"))
    except (OSError, ValueError):
        return None
    record.output = str(output.resolve())
    return record
