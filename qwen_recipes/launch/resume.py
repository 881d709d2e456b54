"""Going on from where a run stopped: from which checkpoint, and whether it is still the same training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.compile import Compiled
from qwen_recipes.launch.checkpoints import last_whole
from qwen_recipes.launch.earlier import set_damaged_aside
from qwen_recipes.launch.record import Record, read_record
from qwen_recipes.resolve.table import table

_SAME = ("model.", "data.", "chat.", "method.", "quantization.", "objective.")
_SAME_TRAINING = (
    *("training.sequence_length", "training.overlong", "training.packing", "training.batch_size"),
    *("training.optimizer", "training.seed", "training.data_seed", "training.precision"),
)
"""What a checkpoint is bound to. Anything else may change, and is told."""


class Changed(Exception):
    """The recipe is another training than the checkpoint is of. `differences` say how, a line each."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


@dataclass(frozen=True)
class ResumePoint:
    """The checkpoint to go on from, its step, and the attempts so far."""

    folder: Path
    step: int
    attempts: list[dict[str, Any]]


def resume_point(output: Path, compiled: Compiled, tell: Callable[[str], None]) -> ResumePoint | None:
    """Where to go on; None where there is no whole checkpoint and the run starts over.

    Damaged checkpoints are moved aside and told. Raises Changed.
    """
    record = read_record(output)
    if record is not None:
        for line in changes(record, compiled):
            tell(f"not as before: {line}")
    good, damaged = last_whole(output)
    for line in set_damaged_aside(output, damaged):
        tell(line)
    if good is None:
        tell("there is no whole checkpoint to go on from: the run starts over")
        return None
    tell(f"going on from {good.folder.name}")
    attempts = [*record.attempts, record.as_attempt()] if record else []
    return ResumePoint(good.folder.resolve(), good.step, attempts)


def finished(output: Path) -> bool:
    """Whether the run in this folder came to its end already."""
    record = read_record(output)
    return record is not None and record.status == "finished"


def changes(record: Record, compiled: Compiled) -> list[str]:
    """What the recipe says otherwise than when the run began, where that is allowed. Raises Changed where it is not."""
    before = {row["field"]: row["value"] for row in record.plan}
    rows = json.loads(json.dumps([asdict(row) for row in table(compiled.plan)]))
    after = {row["field"]: row["value"] for row in rows}
    found = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    said = {name: f"{name} is {after.get(name)}, and was {before.get(name)}" for name in found}
    if record.backend["name"] != compiled.backend.name:
        said["backend."] = f"the framework is {compiled.backend.name}, and was {record.backend['name']}"
    bound = [said[name] for name in said if name.startswith((*_SAME, "backend.")) or name in _SAME_TRAINING]
    if bound:
        raise Changed(bound)
    return list(said.values())
