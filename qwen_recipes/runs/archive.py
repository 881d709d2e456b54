"""An earlier run in the same output folder is moved aside: its checkpoints would pass for the new run's."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.filesystem.locked_folder import move_into
from qwen_recipes.runs.checkpoints import Checkpoint
from qwen_recipes.runs.metrics import METRICS_FILE
from qwen_recipes.runs.record import LOG_FILE, RECORD_FILE, RunRecord, read_record, write_record

ARCHIVE_FOLDER = "earlier"
_RESULT_PATTERNS = (
    *("checkpoint-*", "last-checkpoint", "best", "last", "adapter_model.safetensors", "adapter_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "config.json"),
    *("trainer_state.json", "trainer_log.jsonl", "logging.jsonl", "*_results.json", "training_args.bin"),
    *(RECORD_FILE, LOG_FILE, METRICS_FILE),
)
"""What frameworks and we write into an output folder; whatever else is there stays."""


def archive_run(output: Path) -> tuple[RunRecord | None, Path | None]:
    """Move an earlier run's results into `earlier/`; its record, with the status it ended in, and the new place.

    (None, None) where there was none. Raises OSError.
    """
    record = read_record(output)
    if not (output / RECORD_FILE).exists() and not any(output.glob("checkpoint-*")):
        return None, None
    if record is not None and record.status != record.state:
        record.status = record.state
        write_record(record)
    place = _find_free_folder(output / ARCHIVE_FOLDER)
    for pattern in _RESULT_PATTERNS:
        for path in output.glob(pattern):
            move_into(path, place, output)
    return record, place


def archive_damaged_files(output: Path, damaged: list[Checkpoint]) -> list[str]:
    """Move damaged checkpoints into `earlier/damaged/`, so that nothing takes them for whole; says so, a line each.

    So is a record that can't be read. Raises OSError.
    """
    broken = [(one.folder, one.damage) for one in damaged]
    if (output / RECORD_FILE).exists() and read_record(output) is None:
        broken.append((output / RECORD_FILE, "unreadable"))
    said = []
    for path, how in broken:
        place = _find_free_folder(output / ARCHIVE_FOLDER / "damaged")
        move_into(path, place, output)
        said.append(f"{path.name} is damaged ({how}) and was moved to {place}")
    return said


def _find_free_folder(folder: Path) -> Path:
    """The first of `folder/1`, `folder/2`, … that is not there."""
    number = 1
    while (folder / str(number)).exists():
        number += 1
    return folder / str(number)
