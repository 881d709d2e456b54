"""The curve of a run, `metrics.jsonl` in its output folder: one line a logged step, the same for every framework."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from qwen_recipes.filesystem.logs import open_to_append
from qwen_recipes.filesystem.read_file import parse_json, read_bytes, read_tail
from qwen_recipes.runs.logged_numbers import parse_number, parse_step

METRICS_FILE = "metrics.jsonl"
_TAIL_BYTES = 8 * 1024
_BARS = "▁▂▃▄▅▆▇█"


@dataclass
class StepMetrics:
    """What was logged at an optimizer step, `step` of `planned`; None where nothing was.

    `seconds` since the run began, `memory` in bytes of one GPU or the host, `tokens_per_second` of all GPUs.
    """

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
    known = {name: value for name, value in asdict(point).items() if value is not None and _is_finite(value)}
    try:
        with open_to_append(output / METRICS_FILE) as file:
            file.write(json.dumps(known).encode() + b"\n")
    except OSError:
        return


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")


def read_metrics(output: Path) -> list[StepMetrics]:
    """The whole curve by step. Of a step that was logged twice, before and after a resume, the later one counts."""
    try:
        return _merge_lines(read_bytes(output / METRICS_FILE, "log"))
    except OSError:
        return []


def read_last_metrics(output: Path) -> list[StepMetrics]:
    """The end of the curve (8 KiB of the file)."""
    try:
        return _merge_lines(read_tail(output / METRICS_FILE, _TAIL_BYTES))
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
    """A line's point; a line that was cut off, or that says something else, is none."""
    try:
        entry = parse_json(line.decode("utf-8"))
    except ValueError:
        return None
    if not isinstance(entry, dict) or (step := parse_step(entry.get("step"))) is None:
        return None
    point = StepMetrics(step, parse_step(entry.get("planned")))
    for name in ("loss", "learning_rate", "eval_loss", "seconds", "tokens_per_second"):
        setattr(point, name, parse_number(entry.get(name)))
    memory = entry.get("memory")
    point.memory = memory if isinstance(memory, int) and not isinstance(memory, bool) else None
    return point


def draw_sparkline(values: list[float], width: int = 16) -> str:
    """A curve of at most `width` block characters, from the lowest value to the highest; empty for less than two."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    count = min(width, len(finite))
    edges = [round(index * len(finite) / count) for index in range(count + 1)]
    means = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in means)
