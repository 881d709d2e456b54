"""A run from its first check to its record."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import CompiledRecipe
from qwen_recipes.environments.environment import Environment
from qwen_recipes.environments.gpu import DetectedGpu, read_used_gpu_memory
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.locked_folder import make_folder
from qwen_recipes.filesystem.logs import open_to_append
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.runs import process
from qwen_recipes.runs.archive import archive_run
from qwen_recipes.runs.checkpoints import find_safetensors_damage
from qwen_recipes.runs.heartbeat import LOCK_FILE
from qwen_recipes.runs.host_memory import measure_session_memory
from qwen_recipes.runs.log_tail import read_error_lines
from qwen_recipes.runs.logged_numbers import parse_step
from qwen_recipes.runs.preflight import format_busy_message
from qwen_recipes.runs.progress import ProgressReader, RunProgress
from qwen_recipes.runs.record import (
    LOG_FILE,
    RECORD_FILE,
    RunRecord,
    create_record,
    format_current_time,
    read_record,
    reserve_disk_space,
    write_record,
)
from qwen_recipes.runs.resume import find_resume_point
from qwen_recipes.runs.trainer_logs import find_newest_checkpoint, read_losses

ROWS_PREFIX = "rows: "
"""How lines begin that the preparation of rows prints."""

INTERPRETER_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "MPLBACKEND")
"""Variables of this Python that another one must not have: a notebook's Matplotlib backend is not installed there."""


class OutputFolderBusyError(QwenRecipesError, RuntimeError):
    """Another run writes to the output folder."""


def get_output_folder(compiled: CompiledRecipe) -> Path:
    """The run's output folder."""
    return compiled.loaded.folder / compiled.plan.output.dir


def build_process_variables(environment: Environment) -> dict[str, str]:
    """The whole set of variables that the framework sees: ours, with the environment's in front."""
    kept = {name: value for name, value in os.environ.items() if name not in INTERPRETER_VARIABLES}
    return {**kept, **environment.activation_variables(), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class RunOptions:
    """How a run is started: resume from a checkpoint; show what the framework prints; draw progress.

    `find_cause` names the cause of a failure from the run's log, or None.
    """

    resume: bool = False
    show_output: bool = False
    progress: Callable[[RunProgress], None] = lambda progress: None
    gpus: Sequence[DetectedGpu] = ()
    planned: dict[str, Any] | None = None
    find_cause: Callable[[Path], str | None] = lambda log: None


def run_training(
    compiled: CompiledRecipe,
    overrides: tuple[str, ...],
    environment: Environment,
    notify: Callable[[str], None] = lambda line: None,
    options: RunOptions = RunOptions(),
) -> RunRecord:
    """Launch the compiled files and wait; the record, as it stands in `run.json`.

    Raises OutputFolderBusyError, ResumeMismatchError, or OSError where the output folder can't be written.
    """
    output = get_output_folder(compiled)
    make_folder(output)
    with _hold_output_lock(output) as lock:
        point = find_resume_point(output, compiled, notify) if options.resume else None
        if point is None:
            _archive_earlier_run(output, notify)
        reserve_disk_space(output)
        record = create_record(compiled, overrides, environment, output, options.gpus)
        record.planned = options.planned
        if point:
            record.resumed_from, record.attempts = point.step, point.attempts
            record.command.append(compiled.backend.resume_argument.format(point.folder))
        _run_and_record(record, compiled.plan, build_process_variables(environment), lock, options)
    return record


def _run_and_record(record: RunRecord, plan: Plan, env: dict[str, str], lock: int, options: RunOptions) -> None:
    """Start what the record says, follow it to its end, and write down how it ended."""
    output, began = Path(record.output), time.monotonic()
    write_record(record)
    follower = _build_progress_reader(record, plan, options)
    again = record.resumed_from is not None
    log, file = output / LOG_FILE, output / RECORD_FILE
    try:
        ended = process.run_supervised(
            record.command, env, log, lock, file, follower, show_output=options.show_output, append=again
        )
        follower.tick()
        _set_outcome(record, plan, ended, options)
    except BaseException as error:
        record.status, record.problem = "failed", f"{type(error).__name__}: {error}"
        raise
    finally:
        record.ended, record.seconds = format_current_time(), round(time.monotonic() - began, 1)
        record.metrics = collect_measurements(follower.progress, plan)
        record.add_results()
        _write_final_record(record)


def _write_final_record(record: RunRecord) -> None:
    """Write how it ended; where that can't be, the person is told, and the run is what it was."""
    try:
        write_record(record)
    except OSError as error:
        unwritten = f"{Path(record.output) / RECORD_FILE} cannot be written: {error.strerror}"
        record.problem = "; ".join(filter(None, (record.problem, unwritten)))


def _build_progress_reader(record: RunRecord, plan: Plan, options: RunOptions) -> ProgressReader:
    output = Path(record.output)

    def began(group: int) -> None:
        record.pgid = group
        write_record(record)

    def memory() -> int | None:
        on_gpu = plan.hardware.device == "cuda"
        return (
            read_used_gpu_memory(plan.hardware.gpus)
            if on_gpu
            else measure_session_memory(record.pgid)
            if record.pgid
            else None
        )

    return ProgressReader(
        output,
        plan.training.log_every,
        record.resumed_from or 0,
        measure_memory=memory,
        get_tokens_per_step=lambda: compute_tokens_per_step(output, plan),
        on_started=began,
        on_progress=options.progress,
        get_planned_steps=_remember(lambda: find_planned_steps(output, plan)),
    )


def _remember(find: Callable[[], int | None]) -> Callable[[], int | None]:
    """A function that looks until it has found something, at most once a second."""
    found: list[int] = []
    due = 0.0

    def get() -> int | None:
        nonlocal due
        if not found and time.monotonic() >= due:
            due = time.monotonic() + 1
            found.extend(filter(None, [find()]))
        return found[0] if found else None

    return get


def find_planned_steps(output: Path, plan: Plan) -> int | None:
    """The steps of the run, as the recipe says or the prepared rows make; None before they are counted."""
    if plan.training.steps is not None:
        return plan.training.steps
    try:
        return parse_step(read_json(output / "rows" / "rows.json", "record")["steps"]["total"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def compute_tokens_per_step(output: Path, plan: Plan) -> float | None:
    """Tokens of an optimizer step: the mean row's, or a full sequence's with packing; None before rows are counted."""
    training = plan.training
    if training.packing:
        return training.tokens_per_step or training.batch_size * training.pack_length
    try:
        report = read_json(output / "rows" / "rows.json", "record")
        rows = report["counts"]["train"] + report["counts"]["validation"]
        return float(report["tokens"] / rows * training.batch_size)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


def collect_measurements(progress: RunProgress, plan: Plan) -> dict[str, object]:
    """What was measured: speed, and the most memory that was seen (bytes; looked at every quarter of a minute)."""
    return {
        "seconds_per_step": progress.seconds_per_step,
        "tokens_per_second": progress.tokens_per_second,
        "peak_memory": progress.peak_memory,
        "memory_of": "gpu" if plan.hardware.device == "cuda" else "host",
    }


def is_row_preparation_failure(output: Path) -> bool:
    """Whether the run ended where the rows were prepared: the preparation had the last word, and it was no count."""
    lines = read_error_lines(output / LOG_FILE)
    return bool(lines) and lines[-1].startswith(ROWS_PREFIX) and " read, " not in lines[-1]


def find_trained_weights(output: Path, adapter: bool) -> Path | None:
    """The trained weights: an adapter, or a model's first file; in the folder, else in the newest checkpoint."""
    pattern = "adapter_model.safetensors" if adapter else "model*.safetensors"
    for folder in filter(None, (output, find_newest_checkpoint(output))):
        for path in sorted(folder.glob(pattern)):
            if find_safetensors_damage(path) is None:
                return path
    return None


def _archive_earlier_run(output: Path, notify: Callable[[str], None]) -> None:
    earlier, place = archive_run(output)
    if place is not None:
        how = f" of {earlier.started} ({earlier.status})" if earlier else ""
        notify(f"the previous run{how} was moved to {place}")


def _set_outcome(record: RunRecord, plan: Plan, result: process.CommandResult, options: RunOptions) -> None:
    """Status and losses. An exit code of 0 is no success by itself: steps and weights must be there."""
    output = Path(record.output)
    losses = read_losses(output, output / LOG_FILE)
    record.add_losses(losses)
    record.exit_code, record.signal = result.exit_code, result.interrupted or result.signal
    if result.interrupted:
        record.status = "interrupted"
    elif result.signal:
        record.status, record.problem = "killed", f"the framework was killed by {result.signal}"
    elif result.exit_code:
        record.status, record.problem = "failed", f"the framework failed with exit code {result.exit_code}"
    elif problem := _find_missing_result(record, plan):
        record.status, record.problem = "failed", problem
    else:
        record.status = "finished"
        if losses.last is not None and record.last_loss is None:
            record.problem = f"training diverged: the last loss is {losses.last}"
    if record.status in ("failed", "killed"):
        record.cause = options.find_cause(output / LOG_FILE)


def _find_missing_result(record: RunRecord, plan: Plan) -> str | None:
    if find_trained_weights(Path(record.output), plan.method.adapter) is None:
        kind = "adapter_model.safetensors" if plan.method.adapter else "model.safetensors"
        return f"the framework exited with code 0 but wrote no {kind} to {record.output}"
    steps, planned = record.steps, record.planned_steps
    if steps and planned and steps < planned and plan.training.early_stopping is None:
        return f"the framework exited with code 0 at step {steps} of {planned}"
    return None


@contextlib.contextmanager
def _hold_output_lock(output: Path) -> Iterator[int]:
    """Hold the output folder's lock; whoever supervises the run holds it too. Raises OutputFolderBusyError."""
    with open_to_append(output / LOCK_FILE) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputFolderBusyError(format_busy_message(output, read_record(output))) from None
        except OSError:
            pass  # a file system without locks: the record's process is all there is
        yield file.fileno()
