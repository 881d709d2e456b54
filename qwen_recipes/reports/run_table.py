"""Every run and stage below a folder, each in a line's worth of facts; fast enough for thousands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.runs.heartbeat import LOCK_FILE, has_ended
from qwen_recipes.runs.metrics import read_last_metrics
from qwen_recipes.runs.validate_record import make_plain

RECORD_FILE, PIPELINE_FILE = "run.json", "pipeline.json"
_SKIPPED_FOLDERS = {"rows", "earlier", "node_modules", "__pycache__"}
_MAX_DEPTH = 8


@dataclass(frozen=True)
class RunSummary:
    """One run: its folder, name, backend and state; where it stands; when it began and how long it took (seconds)."""

    folder: str
    name: str
    backend: str
    state: str
    step: int | None
    planned: int | None
    loss: float | None
    started: str
    seconds: float | None
    left: float | None = None
    losses: list[float] = field(default_factory=list)


def list_runs(root: Path) -> list[RunSummary]:
    """Every run in `root` and below it, by folder. Checkpoints and moved-aside runs are not looked into."""
    paths = sorted(_iter_record_paths(str(root), (RECORD_FILE,)))
    return [found for path in paths if (found := summarize_run(path))]


def list_runs_and_stages(root: Path) -> list[RunSummary]:
    """As `list_runs`, with the stages of pipelines that have no record of a run: merges, sweeps, and those that wait.

    The stages of a pipeline stand in their order.
    """
    paths = sorted(_iter_record_paths(str(root), (RECORD_FILE, PIPELINE_FILE)))
    found = {run.folder: run for path in paths if path.endswith(RECORD_FILE) and (run := summarize_run(path))}
    order = {folder: (folder, 0) for folder in found}
    for path in paths:
        if path.endswith(PIPELINE_FILE):
            pipeline = os.path.dirname(path)  # noqa: PTH120
            for position, stage in enumerate(summarize_stages(pipeline)):
                found.setdefault(stage.folder, stage)
                order[stage.folder] = (pipeline, position)
    return sorted(found.values(), key=lambda one: order[one.folder])


def summarize_stages(pipeline: str) -> list[RunSummary]:
    """What a pipeline's record says of each stage, in order; empty where it can't be read."""
    from qwen_recipes.filesystem.locked_folder import is_locked
    from qwen_recipes.runs.pipeline import read_pipeline_record

    folder = Path(pipeline)
    record = read_pipeline_record(folder)
    if record is None:
        return []
    running = "running" if is_locked(folder) else "killed"
    return [
        RunSummary(
            _find_stage_folder(pipeline, str(stage.output)), f"{record.name}-{stage.name}", str(stage.backend),
            running if stage.status == "running" else str(stage.status), None, None, None, str(stage.started or ""),
            stage.seconds if isinstance(stage.seconds, int | float) else None,
        )
        for stage in record.stages
    ]  # fmt: skip


def _find_stage_folder(pipeline: str, output: str) -> str:
    """A stage's folder, written as the pipeline's folder is where it lies in it."""
    try:
        return os.path.join(pipeline, Path(output).relative_to(Path(pipeline).resolve()))  # noqa: PTH118
    except (OSError, ValueError):
        return output


def summarize_run(path: str) -> RunSummary | None:
    """What a record says, and for a run that goes on what its curve says; None for a run.json that was never ours."""
    folder = os.path.dirname(path)  # noqa: PTH120
    try:
        data = cast(dict[str, Any], make_plain(read_json(Path(path), "record")))
        made = RunSummary(
            folder, data["name"], data["backend"]["name"], _get_state(data, folder), data.get("steps"),
            data.get("planned_steps"), data.get("last_loss"), data["started"], data.get("seconds"),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return _summarize_damaged(folder)
    if not _has_known_types(made):
        return _summarize_damaged(folder)
    return _add_live_progress(made) if made.state == "running" else made


def _has_known_types(run_summary: RunSummary) -> bool:
    """Whether texts are texts and numbers are numbers: a stranger may have written the record."""
    texts = (run_summary.name, run_summary.backend, run_summary.started)
    numbers = (run_summary.step, run_summary.planned, run_summary.loss, run_summary.seconds)
    return all(isinstance(one, str) for one in texts) and all(
        one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in numbers
    )


def _add_live_progress(run_summary: RunSummary) -> RunSummary:
    points = read_last_metrics(Path(run_summary.folder))
    if not points:
        return run_summary
    last, first = points[-1], points[0]
    left = None
    if last.planned and last.seconds is not None and first.seconds is not None and last.step > first.step:
        left = (last.seconds - first.seconds) / (last.step - first.step) * max(0, last.planned - last.step)
    losses = [point.loss for point in points if point.loss is not None]
    return RunSummary(
        run_summary.folder, run_summary.name, run_summary.backend, run_summary.state, last.step, last.planned,
        losses[-1] if losses else None, run_summary.started, last.seconds, left, losses,
    )  # fmt: skip


def _get_state(data: dict[str, Any], folder: str) -> str:
    """The status; a run that ended without a final status was killed."""
    status = str(data["status"])
    gone = status == "running" and has_ended(Path(folder), data["host"], int(data["pid"]), data["pid_started"])
    return "killed" if gone else status


def _summarize_damaged(folder: str) -> RunSummary | None:
    """A run whose record can't be read; None for a run.json that was never ours."""
    path = Path(folder)
    return (
        RunSummary(folder, path.name, "", "damaged", None, None, None, "", None)
        if (path / LOCK_FILE).exists()
        else None
    )


def _iter_record_paths(folder: str, names: tuple[str, ...], depth: int = 0) -> Iterator[str]:
    """Paths of the files of these names, folders of frameworks' own output left out."""
    below = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in names:
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False) and not _is_skipped(entry.name):
                    below.append(entry.path)
    except OSError:
        return
    if depth < _MAX_DEPTH:
        for path in below:
            yield from _iter_record_paths(path, names, depth + 1)


def _is_skipped(name: str) -> bool:
    return name in _SKIPPED_FOLDERS or name.startswith((".", "checkpoint-"))
