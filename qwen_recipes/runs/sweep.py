"""Run the trials of a sweep, one after another or over the GPUs, and rank them."""

from __future__ import annotations

import contextlib
import math
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from qwen_recipes.filesystem.folder_link import replace_folder_link
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.read_file import read_tail
from qwen_recipes.recipe.composition.sweep_key import BEST_LINK
from qwen_recipes.recipe.trials import LoadedSweep, Trial
from qwen_recipes.resolve.sweep_metric import SweepMetric
from qwen_recipes.runs.record import format_current_time, read_record
from qwen_recipes.runs.sweep_record import (
    ENDED,
    SweepRecord,
    TrialRow,
    read_sweep_record,
    write_sweep_record,
)
from qwen_recipes.runs.trial_metrics import read_metric
from qwen_recipes.runs.trial_process import TrialSlot, collect_signals, start_trial

TICK_SECONDS = 1.0
TRIAL_LOG = "trial.log"
LOG_TAIL_BYTES = 1 << 16
"""Of a trial's log, to find its last line in."""
_DOES_NOT_FIT, _ENVIRONMENT = 3, 4
_WEIGHT_FILES = ("*.safetensors", "pytorch_model*.bin", "adapter_model.bin", "*.safetensors.index.json", "optimizer*")
_MEMORY_CAUSES = ("out-of-memory", "host-memory", "allocation-failed")


class Search(Protocol):
    """Who draws the values of trials: Optuna."""

    def draw(self) -> Trial | None:
        """The next trial; None where there are enough."""

    def should_prune(self, name: str, curve: list[tuple[int, float]]) -> bool:
        """Whether a running trial, with this curve, falls behind and is to be stopped."""

    def report_trial(self, row: TrialRow) -> None:
        """How a trial ended."""


@dataclass
class RunningTrial:
    """A trial that runs: its row, its process, and where."""

    row: TrialRow
    process: subprocess.Popen[bytes]
    slot: TrialSlot
    pruned: bool = False


@dataclass
class SweepRun:
    """What is needed to run a sweep. `make_arguments` gives the arguments of `recipes` that run one trial."""

    sweep: LoadedSweep
    metric: SweepMetric
    record: SweepRecord
    slots: list[TrialSlot]
    make_arguments: Callable[[Trial, bool], list[str]]
    notify: Callable[[str], None] = lambda line: None
    search: Search | None = None
    trials: dict[str, Trial] = field(default_factory=dict)
    received: list[int] = field(default_factory=list)
    passed_on: int = 0
    blocked: bool = False
    """Whether a trial could not start for a reason that none can."""

    @property
    def output(self) -> Path:
        """The folder of the sweep."""
        return Path(self.record.output)

    def run(self) -> SweepRecord:
        """Run what is left to run, rank it, keep the weights that are to be kept. Raises OSError."""
        with collect_signals(self.received):
            running: list[RunningTrial] = []
            queue = self._iter_waiting()
            while True:
                stopping = self.received or self.blocked
                while len(running) < len(self.slots) and not stopping and (row := next(queue, None)):
                    running.append(self._start(row, {one.slot for one in running}))
                if not running:
                    break
                time.sleep(TICK_SECONDS)
                self._pass_on_signals(running)
                self._prune(running)
                running = [one for one in running if not self._end_if_done(one)]
        return self._finish()

    def _iter_waiting(self) -> Iterator[TrialRow]:
        """Rows that have no result yet; then those that a search draws."""
        for row in list(self.record.trials):
            if row.status not in ENDED:
                yield row
        while self.search is not None and (trial := self.search.draw()) is not None:
            row = make_row(trial, self.output)
            self.trials[trial.name] = trial
            self.record.trials.append(row)
            yield row

    def _start(self, row: TrialRow, busy: set[TrialSlot]) -> RunningTrial:
        slot = next(one for one in self.slots if one not in busy)
        folder = self.output / row.output
        make_folder(folder, self.output)
        again = read_record(folder) is not None and row.status in ("running", "interrupted")
        row.status = "running"
        write_sweep_record(self.record)
        self.notify(f"trial {row.name}: started{f' on GPU {slot.gpus}' if slot.gpus else ''}")
        log = folder / TRIAL_LOG
        return RunningTrial(row, start_trial(self.make_arguments(self.trials[row.name], again), slot, log), slot)

    def _pass_on_signals(self, running: list[RunningTrial]) -> None:
        """What we were sent goes to each trial; a second Ctrl-C kills, as it does for a single run."""
        for number in self.received[self.passed_on :]:
            for one in running:
                one.process.send_signal(number)
        self.passed_on = len(self.received)

    def _prune(self, running: list[RunningTrial]) -> None:
        for one in running if self.search else []:
            points = read_metric(self.output / one.row.output, self.metric.logged)
            finite = [point for point in points if math.isfinite(point[1])]
            if not one.pruned and finite and self.search and self.search.should_prune(one.row.name, finite):
                one.pruned = True
                one.process.send_signal(2)

    def _end_if_done(self, one: RunningTrial) -> bool:
        if one.process.poll() is None:
            return False
        set_outcome(one.row, self.output, one.process.returncode, self.metric, pruned=one.pruned)
        if self.search is not None and one.row.status in ENDED:
            self.search.report_trial(one.row)
        self.record.rank_trials(self.metric)
        remove_weights(self.record)
        write_sweep_record(self.record)
        shown = f", {self.metric.name} {one.row.metric:.6g}" if one.row.metric is not None else ""
        self.notify(
            f"trial {one.row.name}: {one.row.status}{shown}{f' ({one.row.problem})' if one.row.problem else ''}"
        )
        if one.process.returncode == _ENVIRONMENT:
            self.received.append(0)
        return True

    def _finish(self) -> SweepRecord:
        record = self.record
        if self.received and any(row.status not in ENDED for row in record.trials):
            record.status = "interrupted"
        else:
            record.status = "finished" if record.best else "failed"
        record.ended = format_current_time()
        record.rank_trials(self.metric)
        link_best(record)
        write_sweep_record(record)
        return record


def make_row(trial: Trial, output: Path) -> TrialRow:
    """The row of a trial that has not run."""
    return TrialRow(trial.name, trial.values, trial.loaded.recipe_hash, trial.name)


def continue_record(record: SweepRecord) -> SweepRecord:
    """The record with the results of an earlier start: of trials whose recipe is the same."""
    before = read_sweep_record(Path(record.output))
    if before is None or before.metric != record.metric:
        return record
    rows = {row.name: row for row in before.trials}
    kept = [
        rows[row.name] if row.name in rows and rows[row.name].recipe_hash == row.recipe_hash else row
        for row in record.trials
    ]
    record.trials = kept if record.search is None else before.trials
    record.started = before.started
    return record


def set_outcome(row: TrialRow, output: Path, exit_code: int, metric: SweepMetric, *, pruned: bool = False) -> None:
    """How a trial ended, from its record and its metric."""
    folder = output / row.output
    record = read_record(folder)
    points = read_metric(folder, metric.logged)
    last = points[-1][1] if points else None
    row.metric = last if last is not None and math.isfinite(last) else None
    row.problem = None
    if record is not None:
        row.loss, row.eval_loss, row.steps, row.seconds = (
            record.last_loss, record.last_eval_loss, record.steps, record.seconds,
        )  # fmt: skip
        row.problem = record.cause or record.problem
    if pruned:
        row.status, row.problem = "pruned", None
    elif exit_code == _DOES_NOT_FIT:
        row.status = "does not fit"
    elif record is None or exit_code == _ENVIRONMENT:
        row.status, row.problem = "failed", read_last_line(folder / TRIAL_LOG)
    elif record.state == "finished":
        _set_finished(row, metric, diverged=bool(record.problem) or bool(points and row.metric is None))
    elif record.state == "interrupted":
        row.status = "interrupted"
    else:
        row.status = "out of memory" if record.cause in _MEMORY_CAUSES else "failed"
    row.weights = row.status == "finished"


def _set_finished(row: TrialRow, metric: SweepMetric, *, diverged: bool) -> None:
    row.status = "diverged" if diverged else "finished"
    if row.status == "finished" and row.metric is None:
        row.problem = f"the framework logged no {metric.name}"


def read_last_line(log: Path) -> str:
    """The last line that a trial said."""
    with contextlib.suppress(OSError):
        lines = read_tail(log, LOG_TAIL_BYTES).decode("utf-8", "replace").strip().splitlines()
        return lines[-1].removeprefix("recipes: ") if lines else ""
    return ""


def remove_weights(record: SweepRecord) -> None:
    """Remove weights and checkpoints of trials that are not to keep them; logs and records stay."""
    for row in record.trials:
        keeps = record.keep == "all" or (record.keep == "best" and row.name == record.best)
        if row.status in ENDED and not keeps and record.keep != "all":
            _remove_weights_in(Path(record.output) / row.output)
            row.weights = False


def _remove_weights_in(folder: Path) -> None:
    for checkpoint in folder.glob("checkpoint-*"):
        if checkpoint.is_dir() and not checkpoint.is_symlink():
            shutil.rmtree(checkpoint, ignore_errors=True)
    for pattern in _WEIGHT_FILES:
        for file in folder.glob(pattern):
            with contextlib.suppress(OSError):
                file.unlink()


def link_best(record: SweepRecord) -> None:
    """`best` in the sweep's folder leads to the best trial's."""
    link = Path(record.output) / BEST_LINK
    if record.best is None or record.keep == "none":
        if link.is_symlink():
            link.unlink()
    else:
        with contextlib.suppress(OSError):
            replace_folder_link(link, record.best)
