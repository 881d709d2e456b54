"""Going on from where a run stopped: from which checkpoint, and whether it is still the same training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan, TrainingPlan
from qwen_recipes.compile import CompiledRecipe
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.runs.archive import archive_damaged_files
from qwen_recipes.runs.checkpoints import find_last_intact
from qwen_recipes.runs.data_hashes import hash_data
from qwen_recipes.runs.record import RECORD_FILE, RunRecord, read_record

_FIXED_PREFIXES = ("model.", "data.", "chat.", "method.", "quantization.", "objective.")
_FIXED_TRAINING_FIELDS = (
    *(
        "training.sequence_length",
        "training.overlong",
        "training.packing",
        "training.batch_size",
        "training.pack_length",
    ),
    *("training.optimizer", "training.seed", "training.data_seed", "training.precision", "hardware.strategy"),
    "training.weights_dtype",
)
"""What a checkpoint is of. Anything else may change, and is told."""
_OPTIMIZER_STATE_FIELDS = tuple(
    f"training.{name}" for name in ("learning_rate", "weight_decay", "beta1", "beta2", "epsilon")
)
"""What the optimizer's state holds: every framework silently prefers the checkpoint's values to the config's."""
_FIXED_FIELDS = (*_FIXED_TRAINING_FIELDS, *_OPTIMIZER_STATE_FIELDS)


class ResumeMismatchError(QwenRecipesError):
    """The recipe or its data is another training than the checkpoint is of. `differences` say how, a line each."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


@dataclass(frozen=True)
class ResumePoint:
    """The checkpoint to resume from, its step, and the attempts so far."""

    folder: Path
    step: int
    attempts: list[dict[str, Any]]


def find_resume_point(output: Path, compiled: CompiledRecipe, notify: Callable[[str], None]) -> ResumePoint | None:
    """The checkpoint to resume from; None if there is no complete one and the run starts over.

    Damaged checkpoints are moved aside and reported. Raises ResumeMismatchError.
    """
    record = read_record(output)
    good, damaged = find_last_intact(output)
    if record is not None and good is not None:
        for line in find_allowed_changes(record, compiled):
            notify(f"changed since the run began: {line}")
    for line in archive_damaged_files(output, damaged):
        notify(line)
    if good is None:
        notify("no complete checkpoint to resume from: starting over")
        return None
    if record is None:
        notify(f"{RECORD_FILE} is missing: cannot check whether recipe and data are unchanged")
    for line in _list_lost_state(output, compiled.plan, good.step):
        notify(line)
    notify(f"resuming from {good.folder.name}")
    attempts = [*record.attempts, record.as_attempt()] if record else []
    return ResumePoint(good.folder.resolve(), good.step, attempts)


def _list_lost_state(output: Path, plan: Plan, step: int) -> Iterator[str]:
    """What no framework brings back."""
    if plan.training.early_stopping is not None:
        yield "early-stopping patience is reset: no framework saves it"
    if plan.data.streaming and _has_stream_restarted(output, plan.training, step):
        yield (
            "the stream had already restarted, and no framework restores the position: "
            "examples come in another order, and some frameworks fail"
        )


def _has_stream_restarted(output: Path, training: TrainingPlan, step: int) -> bool:
    """Whether all rows may have been seen before a step, by how many were prepared."""
    try:
        report = read_json(output / "rows" / "rows.json", "record")
        whole = report["tokens"] / training.pack_length if training.packing else report["counts"]["train"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(step * training.batch_size >= whole)


def is_run_finished(output: Path) -> bool:
    """Whether the run in this folder came to its end already."""
    record = read_record(output)
    return record is not None and record.status == "finished"


def find_allowed_changes(record: RunRecord, compiled: CompiledRecipe) -> list[str]:
    """What is otherwise than when the run began, where that is allowed. Raises ResumeMismatchError where it is not."""
    before = {row["field"]: row["value"] for row in record.plan}
    rows = json.loads(json.dumps([asdict(row) for row in list_plan_values(compiled.plan)]))
    after = {row["field"]: row["value"] for row in rows}
    found = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    said = {name: f"{name} is {after.get(name)}, was {before.get(name)}" for name in found}
    kept = "; it has no effect, since the optimizer state in the checkpoint keeps the old value"
    said |= {name: said[name] + kept for name in found if name in _OPTIMIZER_STATE_FIELDS}
    if record.backend["name"] != compiled.backend.name:
        said["backend."] = f"the framework is {compiled.backend.name}, was {record.backend['name']}"
    bound = [said[name] for name in said if name.startswith((*_FIXED_PREFIXES, "backend.")) or name in _FIXED_FIELDS]
    bound += _find_changed_data(record.data, hash_data(compiled.plan, compiled.loaded.folder))
    if bound:
        raise ResumeMismatchError(bound)
    return list(said.values())


def _find_changed_data(before: list[dict[str, object]], after: list[dict[str, object]]) -> list[str]:
    """Files whose rows are others: the order of rows would be another, and what was seen would come again."""
    old, new = ({str(entry.get("path")): entry.get("sha256") for entry in entries} for entries in (before, after))
    changed = [f"{name} has changed since the run began" for name in old if old[name] != new.get(name, old[name])]
    added = [f"{name} was added to the data" for name in sorted(new.keys() - old)]
    return changed + added + [f"{name} was removed from the data" for name in sorted(old.keys() - new)]
