"""The losses of a run, from the files that the frameworks themselves write."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PRINTED_METRICS = re.compile(r"\{'(?:loss|eval_loss)': [^{}]*\}")


@dataclass
class LossHistory:
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


def read_losses(output: Path, log: Path) -> LossHistory:
    """The losses of the run in `output`, from whichever file got furthest; printed ones where there is no file."""
    sources: list[tuple[Path, Callable[[Path], LossHistory]]] = [
        *((path, _read_trainer_state) for path in [output / "trainer_state.json", *_find_newest_state(output)]),
        (output / "trainer_log.jsonl", _read_trainer_log),
        (output / "logging.jsonl", _read_logging_jsonl),
    ]
    found = [losses for path, read in sources if path.is_file() and (losses := read(path)).train]
    best = max(found, key=lambda losses: losses.train[-1][0], default=None)
    return best or (_read_printed_losses(log) if log.is_file() else LossHistory())


def find_newest_checkpoint(output: Path) -> Path | None:
    """The `checkpoint-STEP` folder of the highest step."""
    folders = [folder for folder in output.glob("checkpoint-*") if folder.name.removeprefix("checkpoint-").isdigit()]
    return max(folders, key=lambda folder: int(folder.name.removeprefix("checkpoint-")), default=None)


def _find_newest_state(output: Path) -> list[Path]:
    newest = find_newest_checkpoint(output)
    return [newest / "trainer_state.json"] if newest else []


def _read_trainer_state(path: Path) -> LossHistory:
    """`trainer_state.json` of transformers' Trainer."""
    try:
        state = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return LossHistory()
    losses = LossHistory(steps=state.get("global_step"), planned=state.get("max_steps") or None)
    for entry in state.get("log_history", []):
        _add_losses(losses, entry, entry.get("step"))
    return losses


def _read_trainer_log(path: Path) -> LossHistory:
    """LLaMA-Factory's `trainer_log.jsonl`."""
    losses = LossHistory()
    for entry in _iter_entries(path):
        _add_losses(losses, entry, entry.get("current_steps"))
        losses.planned = entry.get("total_steps", losses.planned)
    return _set_steps_done(losses)


def _read_logging_jsonl(path: Path) -> LossHistory:
    """ms-swift's `logging.jsonl`, whose steps read `3/10`."""
    losses = LossHistory()
    for entry in _iter_entries(path):
        step, _, planned = str(entry.get("global_step/max_steps", "")).partition("/")
        if step.isdigit() and planned.isdigit():
            _add_losses(losses, entry, int(step))
            losses.planned = int(planned)
    return _set_steps_done(losses)


def _read_printed_losses(log: Path) -> LossHistory:
    """Dicts that transformers' Trainer prints; their numbers may stand in quotes. Steps are lines, counted."""
    losses = LossHistory()
    for text in _PRINTED_METRICS.findall(log.read_text("utf-8", "replace")):
        try:
            entry = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            continue
        _add_losses(losses, entry, len(losses.train) + ("loss" in entry))
    return losses


def _add_losses(losses: LossHistory, entry: dict[str, Any], step: object) -> None:
    if not isinstance(step, int):
        return
    for name, kept in (("loss", losses.train), ("eval_loss", losses.evaluation)):
        value = _parse_number(entry.get(name))
        if value is not None:
            kept.append((step, value))


def _parse_number(value: object) -> float | None:
    if not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _set_steps_done(losses: LossHistory) -> LossHistory:
    losses.steps = losses.train[-1][0] if losses.train else None
    return losses


def _iter_entries(path: Path) -> Iterator[dict[str, Any]]:
    """The maps of a JSONL file; its last line may be half written."""
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
