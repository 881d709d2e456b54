"""The curve of a run, `metrics.jsonl` in its output folder: one line a logged step, the same for every framework."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.logs import open_to_append

METRICS_FILE = "metrics.jsonl"
_TAIL_BYTES = 8 * 1024
_BARS = "▁▂▃▄▅▆▇█"


@dataclass
class StepMetrics:
    """What was logged at an optimizer step. `seconds` since the run began, `memory` in bytes of one GPU or the host."""

    step: int
    planned: int | None = None
    loss: float | None = None
    learning_rate: float | None = None
    eval_loss: float | None = None
    seconds: float | None = None
    tokens_per_second: float | None = None
    memory: int | None = None


def append_metrics(output: Path, point: StepMetrics) -> None:
    """Add a line to the curve; a full disk is no reason to end a run."""
    known = {name: value for name, value in asdict(point).items() if value is not None and math.isfinite(value)}
    try:
        with open_to_append(output / METRICS_FILE) as file:
            file.write(json.dumps(known).encode() + b"\n")
    except OSError:
        return


def read_metrics(output: Path) -> list[StepMetrics]:
    """The whole curve by step. Of a step that was logged twice, before and after a resume, the later one counts."""
    try:
        return _merge_lines((output / METRICS_FILE).read_bytes())
    except OSError:
        return []


def read_last_metrics(output: Path) -> list[StepMetrics]:
    """The end of the curve (8 KiB of the file)."""
    try:
        with (output / METRICS_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return _merge_lines(file.read())
    except OSError:
        return []


def _merge_lines(text: bytes) -> list[StepMetrics]:
    found: dict[int, StepMetrics] = {}
    for line in text.splitlines():
        if (point := _parse_line(line)) is None:
            continue
        before = found.get(point.step)
        if before is not None and before.loss is not None and point.loss is None:
            before.eval_loss = point.eval_loss
        else:
            found[point.step] = point
    return [found[step] for step in sorted(found)]


def _parse_line(line: bytes) -> StepMetrics | None:
    """A line's point; a line that was cut off is none."""
    try:
        entry: dict[str, Any] = json.loads(line)
        return StepMetrics(**{name: entry[name] for name in StepMetrics.__dataclass_fields__ if name in entry})
    except (ValueError, TypeError):
        return None


def draw_sparkline(values: list[float], width: int = 16) -> str:
    """A small curve of block characters, from the lowest value to the highest; empty for fewer than two values."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    count = min(width, len(finite))
    edges = [round(index * len(finite) / count) for index in range(count + 1)]
    means = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in means)
