"""Every run below a folder, each in a line's worth of facts; fast enough for thousands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_recipes.launch.alive import LOCK, over
from qwen_recipes.launch.points import last_points

RECORD = "run.json"
_PASSED = {"rows", "earlier", "node_modules", "__pycache__"}
_DEEPEST = 8


@dataclass(frozen=True)
class Summary:
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


def runs(root: Path) -> list[Summary]:
    """Every run in `root` and below it, by folder. Checkpoints and moved-aside runs are not looked into."""
    return [found for path in sorted(_records(str(root), 0)) if (found := summary(path))]


def summary(path: str) -> Summary | None:
    """What a record says, and for a run that goes on what its curve says; None for a run.json that was never ours."""
    folder = os.path.dirname(path)  # noqa: PTH120
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a thousand of them; Path costs as much as the reading)
            data: dict[str, Any] = json.loads(file.read())
        made = Summary(
            folder, data["name"], data["backend"]["name"], _state(data, folder), data.get("steps"),
            data.get("planned_steps"), data.get("last_loss"), data["started"], data.get("seconds"),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return _damaged(folder)
    return _going_on(made) if made.state == "running" else made


def _going_on(made: Summary) -> Summary:
    points = last_points(Path(made.folder))
    if not points:
        return made
    last, first = points[-1], points[0]
    left = None
    if last.planned and last.seconds is not None and first.seconds is not None and last.step > first.step:
        left = (last.seconds - first.seconds) / (last.step - first.step) * max(0, last.planned - last.step)
    losses = [point.loss for point in points if point.loss is not None]
    return Summary(
        made.folder, made.name, made.backend, made.state, last.step, last.planned, losses[-1] if losses else None,
        made.started, last.seconds, left, losses,
    )  # fmt: skip


def _state(data: dict[str, Any], folder: str) -> str:
    """The status; a run that is over without a word was killed."""
    status = str(data["status"])
    gone = status == "running" and over(Path(folder), data["host"], int(data["pid"]), data["pid_started"])
    return "killed" if gone else status


def _damaged(folder: str) -> Summary | None:
    """A run whose record can't be read; None for a run.json that was never ours."""
    path = Path(folder)
    return Summary(folder, path.name, "", "damaged", None, None, None, "", None) if (path / LOCK).exists() else None


def _records(folder: str, depth: int) -> Iterator[str]:
    """Paths of run.json, folders of frameworks' own output left out."""
    below = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == RECORD:
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False) and not _skipped(entry.name):
                    below.append(entry.path)
    except OSError:
        return
    if depth < _DEEPEST:
        for path in below:
            yield from _records(path, depth + 1)


def _skipped(name: str) -> bool:
    return name in _PASSED or name.startswith((".", "checkpoint-"))
