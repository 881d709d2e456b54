"""The losses of a run, from the files that the frameworks themselves write."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PRINTED = re.compile(r"\{'(?:loss|eval_loss)': [^{}]*\}")


@dataclass
class Losses:
    """Losses by optimizer step: `train` as (step, loss), `evaluation` likewise; `steps` done of `planned`.

    Printed losses carry no step: there the lines are counted, and `steps` is None.
    """

    train: list[tuple[int, float]] = field(default_factory=list)
    evaluation: list[tuple[int, float]] = field(default_factory=list)
    steps: int | None = None
    planned: int | None = None

    @property
    def first(self) -> float | None:
        """The first training loss that was logged."""
        return self.train[0][1] if self.train else None

    @property
    def last(self) -> float | None:
        """The last training loss that was logged."""
        return self.train[-1][1] if self.train else None

    @property
    def last_evaluation(self) -> float | None:
        """The last validation loss."""
        return self.evaluation[-1][1] if self.evaluation else None


def read_losses(output: Path, log: Path) -> Losses:
    """The losses of the run in `output`, from whichever file got furthest; printed ones where there is no file."""
    sources: list[tuple[Path, Callable[[Path], Losses]]] = [
        *((path, _from_state) for path in [output / "trainer_state.json", *_checkpoints(output)]),
        (output / "trainer_log.jsonl", _from_trainer_log),
        (output / "logging.jsonl", _from_logging),
    ]
    found = [losses for path, read in sources if path.is_file() and (losses := read(path)).train]
    best = max(found, key=lambda losses: losses.train[-1][0], default=None)
    return best or (_printed(log) if log.is_file() else Losses())


def newest_checkpoint(output: Path) -> Path | None:
    """The `checkpoint-STEP` folder of the highest step."""
    folders = [folder for folder in output.glob("checkpoint-*") if folder.name.removeprefix("checkpoint-").isdigit()]
    return max(folders, key=lambda folder: int(folder.name.removeprefix("checkpoint-")), default=None)


def _checkpoints(output: Path) -> list[Path]:
    newest = newest_checkpoint(output)
    return [newest / "trainer_state.json"] if newest else []


def _from_state(path: Path) -> Losses:
    """`trainer_state.json` of transformers' Trainer."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return Losses()
    losses = Losses(steps=state.get("global_step"), planned=state.get("max_steps") or None)
    for entry in state.get("log_history", []):
        _add(losses, entry, entry.get("step"))
    return losses


def _from_trainer_log(path: Path) -> Losses:
    """LLaMA-Factory's `trainer_log.jsonl`."""
    losses = Losses()
    for entry in _lines(path):
        _add(losses, entry, entry.get("current_steps"))
        losses.planned = entry.get("total_steps", losses.planned)
    return _counted(losses)


def _from_logging(path: Path) -> Losses:
    """ms-swift's `logging.jsonl`, whose steps read `3/10`."""
    losses = Losses()
    for entry in _lines(path):
        step, _, planned = str(entry.get("global_step/max_steps", "")).partition("/")
        if step.isdigit() and planned.isdigit():
            _add(losses, entry, int(step))
            losses.planned = int(planned)
    return _counted(losses)


def _printed(log: Path) -> Losses:
    """Dicts that transformers' Trainer prints; their numbers may stand in quotes. Steps are lines, counted."""
    losses = Losses()
    for text in _PRINTED.findall(log.read_text("utf-8", "replace")):
        try:
            entry = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            continue
        _add(losses, entry, len(losses.train) + ("loss" in entry))
    return losses


def _add(losses: Losses, entry: dict[str, Any], step: object) -> None:
    if not isinstance(step, int):
        return
    for name, kept in (("loss", losses.train), ("eval_loss", losses.evaluation)):
        value = _number(entry.get(name))
        if value is not None:
            kept.append((step, value))


def _number(value: object) -> float | None:
    if not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _counted(losses: Losses) -> Losses:
    losses.steps = losses.train[-1][0] if losses.train else None
    return losses


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The maps of a JSONL file; its last line may be half written."""
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
