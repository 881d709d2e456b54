"""A run from its first check to its record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import Compiled
from qwen_recipes.launch import process
from qwen_recipes.launch.alive import LOCK
from qwen_recipes.launch.checkpoints import torn
from qwen_recipes.launch.complaint import last_lines
from qwen_recipes.launch.earlier import set_aside
from qwen_recipes.launch.environment import Environment
from qwen_recipes.launch.follow import Follower, Progress
from qwen_recipes.launch.gpu import gpu_memory
from qwen_recipes.launch.losses import newest_checkpoint, read_losses
from qwen_recipes.launch.memory import group_memory
from qwen_recipes.launch.preflight import busy_message
from qwen_recipes.launch.record import LOG, RECORD, Record, new_record, now, read_record, reserve, write_record
from qwen_recipes.launch.resume import resume_point
from qwen_recipes.launch.why import explain_log
from qwen_recipes.recipe.load import Loaded

ROWS = "rows: "
"""How lines begin that the preparation of rows prints."""


class Busy(RuntimeError):
    """Another run writes to the output folder."""


def output_folder(loaded: Loaded, plan: Plan) -> Path:
    """The run's output folder."""
    return loaded.folder / plan.output.dir


def variables(environment: Environment) -> dict[str, str]:
    """The whole set of variables that the framework sees: ours, with the environment's in front."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    return {**kept, **environment.variables(), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Options:
    """How a run is started: go on from a checkpoint; show what the framework prints; who draws progress."""

    resume: bool = False
    shown: bool = False
    progress: Callable[[Progress], None] = lambda progress: None
    planned: dict[str, Any] | None = None


def run(
    loaded: Loaded,
    compiled: Compiled,
    sets: tuple[str, ...],
    environment: Environment,
    folder: Path,
    tell: Callable[[str], None] = lambda line: None,
    options: Options = Options(),
) -> Record:
    """Launch the compiled files in `folder` and wait; the record, as it stands in `run.json`.

    Raises Busy, Changed, or OSError where the output folder can't be written.
    """
    output = output_folder(loaded, compiled.plan)
    output.mkdir(parents=True, exist_ok=True)
    with _locked(output) as lock:
        point = resume_point(output, compiled, loaded.folder, tell) if options.resume else None
        if point is None:
            _set_aside(output, tell)
        reserve(output)
        record = new_record(loaded, compiled, sets, environment, folder, output)
        record.planned = options.planned
        if point:
            record.resumed_from, record.attempts = point.step, point.attempts
            record.command.append(compiled.backend.resume.format(point.folder))
        _watched(record, compiled.plan, variables(environment), lock, options)
    return record


def _watched(record: Record, plan: Plan, env: dict[str, str], lock: int, options: Options) -> None:
    """Start what the record says, follow it to its end, and write down how it ended."""
    output, began = Path(record.output), time.monotonic()
    write_record(record)
    follower = _follower(record, plan, options)
    again = record.resumed_from is not None
    log, file = output / LOG, output / RECORD
    try:
        ended = process.run(record.command, env, log, lock, file, follower, shown=options.shown, append=again)
        follower.tick()
        _judge(record, plan, ended)
    except BaseException as error:
        record.status, record.problem = "failed", f"{type(error).__name__}: {error}"
        raise
    finally:
        record.ended, record.seconds = now(), round(time.monotonic() - began, 1)
        record.metrics = measured(follower.progress, plan)
        record.add_results()
        _write_end(record)


def _write_end(record: Record) -> None:
    """Write how it ended; where that can't be, the person is told, and the run is what it was."""
    try:
        write_record(record)
    except OSError as error:
        unwritten = f"{Path(record.output) / RECORD} could not be written: {error.strerror}"
        record.problem = "; ".join(filter(None, (record.problem, unwritten)))


def _follower(record: Record, plan: Plan, options: Options) -> Follower:
    output = Path(record.output)

    def began(group: int) -> None:
        record.pgid = group
        write_record(record)

    def memory() -> int | None:
        on_gpu = plan.hardware.device == "cuda"
        return gpu_memory(plan.hardware.gpus) if on_gpu else group_memory(record.pgid) if record.pgid else None

    return Follower(
        output,
        plan.training.log_every,
        record.resumed_from or 0,
        memory=memory,
        tokens=lambda: tokens_per_step(output, plan),
        began=began,
        changed=options.progress,
    )


def tokens_per_step(output: Path, plan: Plan) -> float | None:
    """Tokens of an optimizer step: the mean row's, or a full sequence's with packing; None before rows are counted."""
    training = plan.training
    if training.packing:
        return training.batch_size * training.sequence_length
    try:
        report = json.loads((output / "rows" / "rows.json").read_bytes())
        rows = report["counts"]["train"] + report["counts"]["validation"]
        return float(report["tokens"] / rows * training.batch_size)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


def measured(progress: Progress, plan: Plan) -> dict[str, Any]:
    """What was measured: speed, and the most memory that was seen (bytes; looked at every quarter of a minute)."""
    return {
        "seconds_per_step": progress.seconds_per_step,
        "tokens_per_second": progress.tokens_per_second,
        "peak_memory": progress.peak_memory,
        "memory_of": "gpu" if plan.hardware.device == "cuda" else "host",
    }


def rows_failed(output: Path) -> bool:
    """Whether the run ended where the rows were prepared: the preparation had the last word, and it was no count."""
    lines = last_lines(output / LOG)
    return bool(lines) and lines[-1].startswith(ROWS) and " read, " not in lines[-1]


def weights(output: Path, adapter: bool) -> Path | None:
    """The trained weights: an adapter, or a model's first file; in the folder, else in the newest checkpoint."""
    pattern = "adapter_model.safetensors" if adapter else "model*.safetensors"
    for folder in filter(None, (output, newest_checkpoint(output))):
        for path in sorted(folder.glob(pattern)):
            if torn(path) is None:
                return path
    return None


def _set_aside(output: Path, tell: Callable[[str], None]) -> None:
    earlier, place = set_aside(output)
    if place is not None:
        how = f" of {earlier.started}, which {_past(earlier)}," if earlier else ""
        tell(f"the earlier run{how} is kept in {place}")


def _past(record: Record) -> str:
    return record.status if record.status in ("finished", "failed") else f"was {record.status}"


def _judge(record: Record, plan: Plan, ended: process.Ended) -> None:
    """Status and losses. An exit code of 0 is no success by itself: steps and weights must be there."""
    output = Path(record.output)
    losses = read_losses(output, output / LOG)
    record.add_losses(losses)
    record.exit_code, record.signal = ended.exit_code, ended.interrupted or ended.signal
    if ended.interrupted:
        record.status = "interrupted"
    elif ended.signal:
        record.status, record.problem = "killed", f"the framework was ended by {ended.signal}"
    elif ended.exit_code:
        record.status, record.problem = "failed", f"the framework ended with exit code {ended.exit_code}"
    elif problem := _unfinished(record, plan):
        record.status, record.problem = "failed", problem
    else:
        record.status = "finished"
        if losses.last is not None and record.last_loss is None:
            record.problem = f"the last loss is {losses.last}: the training diverged"
    if record.status in ("failed", "killed"):
        record.cause = next((found.cause.name for found in explain_log(output / LOG)), None)


def _unfinished(record: Record, plan: Plan) -> str | None:
    if weights(Path(record.output), plan.method.adapter) is None:
        kind = "adapter_model.safetensors" if plan.method.adapter else "model.safetensors"
        return f"the framework ended with exit code 0 and left no {kind} in {record.output}"
    steps, planned = record.steps, record.planned_steps
    if steps and planned and steps < planned and plan.training.early_stopping is None:
        return f"the framework ended with exit code 0 at step {steps} of {planned}"
    return None


@contextlib.contextmanager
def _locked(output: Path) -> Iterator[int]:
    """Hold the output folder's lock; whoever supervises the run holds it too. Raises Busy."""
    with (output / LOCK).open("a") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(busy_message(output, read_record(output))) from None
        except OSError:
            pass  # a file system without locks: the record's process is all there is
        yield file.fileno()
