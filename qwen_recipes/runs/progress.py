"""What a run is doing, read from what its framework prints and writes: the same picture for every framework."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qwen_recipes.runs.jsonl_tail import JsonlTail
from qwen_recipes.runs.logged_numbers import (
    find_printed_metrics,
    find_progress_bar,
    parse_number,
    read_planned_steps,
    read_step,
)
from qwen_recipes.runs.metrics import StepMetrics, append_metrics

_LINE_BREAK = re.compile(rb"[\r\n]")
_ROWS_PREFIX = b"rows: "
_MAX_LINE_BYTES = 65536
_MAX_BAR_BYTES = 1024
_METRIC_NAMES = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "lr": "learning_rate"}
MEMORY_INTERVAL = 15.0
"""Seconds between two looks at memory; each costs a process."""


@dataclass
class RunProgress:
    """Where a run stands. `stage` is one of starting, rows, loading, training, evaluating, saving.

    `memory` and `peak_memory` are bytes in use on the fullest of the run's GPUs, now and at most.
    """

    stage: str = "starting"
    step: int = 0
    planned: int | None = None
    last: StepMetrics | None = None
    losses: list[float] = field(default_factory=list)
    eval_loss: float | None = None
    memory: int | None = None
    peak_memory: int | None = None
    seconds_per_step: float | None = None
    tokens_per_second: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the remaining steps take at the present speed."""
        if self.planned is None or self.seconds_per_step is None:
            return None
        return max(0, self.planned - self.step) * self.seconds_per_step


class ProgressReader:
    """Follows one run.

    `log_every` is the recipe's, `start_step` the step it resumes from, `measure_memory` measures bytes,
    `get_planned_steps` says how many steps there will be, where that is known: what is printed can't change it.
    """

    def __init__(
        self,
        output: Path,
        log_every: int,
        start_step: int = 0,
        measure_memory: Callable[[], int | None] = lambda: None,
        get_tokens_per_step: Callable[[], float | None] = lambda: None,
        on_started: Callable[[int], None] = lambda group: None,
        on_progress: Callable[[RunProgress], None] = lambda progress: None,
        get_planned_steps: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.output, self.every, self.start = output, log_every, start_step
        self.get_planned = get_planned_steps
        self.progress = RunProgress(step=start_step)
        self.measure_memory, self.tokens, self.on_started, self.on_progress = (
            measure_memory,
            get_tokens_per_step,
            on_started,
            on_progress,
        )
        self.zero = time.monotonic()
        self.printed = 0
        self.rest = b""
        self.measured_at = 0.0
        self.training_since: tuple[float, int] | None = None
        self.files = {name: JsonlTail(output / name) for name in ("trainer_log.jsonl", "logging.jsonl")}

    def feed(self, chunk: bytes) -> None:
        """Take what was printed."""
        *lines, self.rest = _LINE_BREAK.split(self.rest[-_MAX_LINE_BYTES:] + chunk)
        for line in lines:
            self._read_line(line[:_MAX_LINE_BYTES])
        if find_progress_bar(self.rest[:_MAX_BAR_BYTES]):
            self._read_line(self.rest)

    def tick(self) -> None:
        """Look at the framework's files, and now and then at memory."""
        for tail in self.files.values():
            for entry in tail.read_new_entries():
                self._record_metrics(entry, read_step(entry))
        if time.monotonic() - self.measured_at >= MEMORY_INTERVAL and self.progress.stage != "starting":
            self.measured_at = time.monotonic()
            self.progress.memory = self.measure_memory()
            self.progress.peak_memory = max(
                filter(None, (self.progress.peak_memory, self.progress.memory)), default=None
            )
        self.on_progress(self.progress)

    def _read_line(self, line: bytes) -> None:
        if bar := find_progress_bar(line[:_MAX_BAR_BYTES]):
            self._read_progress_bar(*bar)
        elif line.startswith(_ROWS_PREFIX):
            self.progress.stage = "loading" if b" read, " in line else "rows"
        elif b"loss': " in line and not any(tail.used for tail in self.files.values()):
            for entry in find_printed_metrics(line.decode("utf-8", "replace"))[:1]:
                self._read_printed_metrics(entry)

    def _read_progress_bar(self, step: int, total: int) -> None:
        """A bar of as many steps as are planned is the training's, and the first one where that is not known."""
        progress = self.progress
        progress.planned = self.get_planned() or progress.planned or total
        if total != progress.planned or step < progress.step:
            progress.stage = "evaluating" if total != progress.planned else progress.stage
            return
        progress.stage = "saving" if step == total else "training"
        self._update_step(step)

    def _update_step(self, step: int) -> None:
        """Note a step, and the speed since the second one that was seen (the first compiles and warms up)."""
        progress, now = self.progress, time.monotonic()
        if step <= progress.step and self.training_since:
            return
        progress.step = max(step, progress.step)
        if self.training_since is None:
            if step > self.start:
                self.training_since = (now, step)
            return
        since, first = self.training_since
        if step > first:
            progress.seconds_per_step = (now - since) / (step - first)
            tokens = self.tokens()
            progress.tokens_per_second = tokens / progress.seconds_per_step if tokens and now > since else None

    def _read_printed_metrics(self, entry: dict[str, float]) -> None:
        self.printed += "loss" in entry
        self._record_metrics(entry, self.start // self.every * self.every + self.printed * self.every)

    def _record_metrics(self, entry: Mapping[str, object], step: int | None) -> None:
        values = {
            _METRIC_NAMES[name]: value for name in _METRIC_NAMES if (value := parse_number(entry.get(name))) is not None
        }
        if step is None or not ("loss" in values or "eval_loss" in values):
            return
        progress = self.progress
        if planned := self.get_planned() or read_planned_steps(entry):
            progress.planned = planned
        if progress.planned is not None and step > progress.planned:
            return
        self._update_step(step)
        point = StepMetrics(step, progress.planned, seconds=round(time.monotonic() - self.zero, 2))
        point.loss, point.eval_loss = values.get("loss"), values.get("eval_loss")
        point.learning_rate = values.get("learning_rate")
        point.memory, point.tokens_per_second = progress.memory, progress.tokens_per_second
        if point.loss is not None:
            progress.losses.append(point.loss)
            progress.stage = "training" if progress.step != progress.planned else "saving"
        progress.eval_loss = point.eval_loss if point.eval_loss is not None else progress.eval_loss
        progress.last = point if point.loss is not None else progress.last
        append_metrics(self.output, point)
