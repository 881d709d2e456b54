"""The losses of a run, from the files that the frameworks themselves write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qwen_recipes.filesystem.read_file import parse_json, read_json, read_tail
from qwen_recipes.runs.checkpoints import parse_checkpoint_step
from qwen_recipes.runs.logged_numbers import (
    find_printed_metrics,
    parse_number,
    parse_step,
    read_planned_steps,
    read_step,
)

MAX_LOG_BYTES = 64 << 20
"""The end of a log that is read."""


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
        (output / "trainer_log.jsonl", _read_logged_lines),
        (output / "logging.jsonl", _read_logged_lines),
    ]
    found = [losses for path, read in sources if path.is_file() and (losses := read(path)).train]
    best = max(found, key=lambda losses: losses.train[-1][0], default=None)
    return best or (_read_printed_losses(log) if log.is_file() else LossHistory())


def find_newest_checkpoint(output: Path) -> Path | None:
    """The `checkpoint-STEP` folder of the highest step."""
    steps = {folder: parse_checkpoint_step(folder) for folder in output.glob("checkpoint-*")}
    return max((folder for folder in steps if steps[folder] is not None), key=lambda one: steps[one] or 0, default=None)


def _find_newest_state(output: Path) -> list[Path]:
    newest = find_newest_checkpoint(output)
    return [newest / "trainer_state.json"] if newest else []


def _read_trainer_state(path: Path) -> LossHistory:
    """`trainer_state.json` of transformers' Trainer."""
    try:
        state = read_json(path, "record")
    except (OSError, ValueError):
        return LossHistory()
    if not isinstance(state, dict):
        return LossHistory()
    losses = LossHistory(steps=parse_step(state.get("global_step")), planned=parse_step(state.get("max_steps")) or None)
    history = state.get("log_history")
    for entry in history if isinstance(history, list) else []:
        if isinstance(entry, dict):
            _add_losses(losses, entry, parse_step(entry.get("step")))
    return losses


def _read_logged_lines(path: Path) -> LossHistory:
    """LLaMA-Factory's `trainer_log.jsonl`, or ms-swift's `logging.jsonl`."""
    losses = LossHistory()
    for entry in _iter_entries(path):
        _add_losses(losses, entry, read_step(entry))
        losses.planned = read_planned_steps(entry) or losses.planned
    return _set_steps_done(losses)


def _read_printed_losses(log: Path) -> LossHistory:
    """Dicts that transformers' Trainer prints; their numbers may stand in quotes. Steps are lines, counted."""
    losses = LossHistory()
    for entry in find_printed_metrics(read_tail(log, MAX_LOG_BYTES).decode("utf-8", "replace")):
        _add_losses(losses, entry, len(losses.train) + ("loss" in entry))
    return losses


def _add_losses(losses: LossHistory, entry: Mapping[str, object], step: int | None) -> None:
    if step is None:
        return
    for name, kept in (("loss", losses.train), ("eval_loss", losses.evaluation)):
        value = parse_number(entry.get(name))
        if value is not None:
            kept.append((step, value))


def _set_steps_done(losses: LossHistory) -> LossHistory:
    losses.steps = losses.train[-1][0] if losses.train else None
    return losses


def _iter_entries(path: Path) -> Iterator[dict[str, object]]:
    """The maps of a JSONL file; its last line may be half written."""
    for line in read_tail(path, MAX_LOG_BYTES).decode("utf-8", "replace").splitlines():
        try:
            entry = parse_json(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
