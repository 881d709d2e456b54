"""Merge adapters: what is merged into what, and the program that does it in a framework's environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.locked_folder import lock_folder, move_into_place
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.runs.record import RunRecord, read_record
from qwen_recipes.runs.run import find_trained_weights
from qwen_recipes.runs.trainer_logs import find_newest_checkpoint

_SHARDS = ("pytorch_model_fsdp_*", "global_step*")
CAVEAT = (
    "the adapter was trained on a {bits}-bit base; merged into the unquantized weights the model is not quite what was "
    "trained. `dequantized` merges into the weights as they were in training"
)


class MergeFailedError(QwenRecipesError):
    """The adapters cannot be merged; the message says what to do."""


@dataclass(frozen=True)
class MergeJob:
    """What to merge: folders of adapters with their weights, the base (a folder or hub id), and how.

    `quantization` is that of the base in training, None for 16 bits or where it is not known.
    """

    adapters: tuple[tuple[Path, float], ...]
    base: str
    output: Path
    revision: str | None = None
    combine: str = "cat"
    rank: int | None = None
    density: float | None = None
    seed: int = 0
    into: str = "base"
    dtype: str | None = None
    quantization: dict[str, Any] | None = None

    @property
    def caveat(self) -> str:
        """What is lost where an adapter of a quantized base is merged into the unquantized one; else empty."""
        return CAVEAT.format(**self.quantization) if self.quantization and self.into == "base" else ""


def run_merge(job: MergeJob, interpreter: Path) -> dict[str, Any]:
    """Merge with this Python, and put the result in place whole or not at all; what was done.

    The report has `weights` (changed), `shards`, `bytes`, `peak_bytes` (of memory), and `losses` of a weighted merge.

    Raises MergeFailedError; OSError, FileExistsError where the output folder is not empty.
    """
    if job.output.exists() and (not job.output.is_dir() or any(job.output.iterdir())):
        raise FileExistsError(17, "already exists; name another folder, or move it", str(job.output))
    part = job.output.with_name(f".{job.output.name}.part")
    with lock_folder(part):
        try:
            _remove_content(part)
            report = _run_program(job, part, interpreter)
            move_into_place(part, job.output)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return report


def _remove_content(folder: Path) -> None:
    """Remove what a killed merge left."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _run_program(job: MergeJob, part: Path, interpreter: Path) -> dict[str, Any]:
    content = {
        "adapters": [{"folder": str(folder.resolve()), "weight": weight} for folder, weight in job.adapters],
        "output": str(part.resolve()),
        **{name: getattr(job, name) for name in ("base", "revision", "combine", "rank", "density", "seed")},
        **{name: getattr(job, name) for name in ("into", "dtype", "quantization")},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.json"
        replace_file(file, json.dumps(content))
        command = [str(interpreter), "-m", "merging", str(file)]
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
        done = subprocess.run(command, cwd=Path(__file__).parent, env=variables, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise MergeFailedError(f"the merge failed: {last[0]}") from None
    if "error" in report:
        raise MergeFailedError(str(report["error"]))
    return report


def find_adapter_folder(folder: Path) -> Path:
    """The adapter that a run left in a folder: there, else in its newest checkpoint. Raises MergeFailedError."""
    found = find_trained_weights(folder, adapter=True)
    if found is not None:
        return found.parent
    for place in filter(None, (folder, find_newest_checkpoint(folder))):
        if (place / "adapter_config.json").is_file() and any(any(place.glob(pattern)) for pattern in _SHARDS):
            return place
    state = "has no adapter" if folder.is_dir() else "does not exist"
    raise MergeFailedError(f"{folder} {state}: name the output folder of a run that trained one, or a checkpoint")


@dataclass(frozen=True)
class TrainedBase:
    """The base that an adapter was trained on: a folder or hub id, its revision, and how it was quantized."""

    base: str
    revision: str | None = None
    quantization: dict[str, Any] | None = None


def find_trained_base(folder: Path, adapter: Path) -> TrainedBase:
    """By the record of the run in `folder`, else by the adapter's own config. Raises MergeFailedError."""
    record = read_record(folder)
    if record is not None:
        return _read_recorded_base(record)
    try:
        base = read_json(adapter / "adapter_config.json", "config").get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise MergeFailedError(f"{adapter}: adapter_config.json cannot be read: {error}") from None
    if not isinstance(base, str) or not base:
        raise MergeFailedError(f"{adapter} does not say which model it is for: name it with --base")
    return TrainedBase(base)


def _read_recorded_base(record: RunRecord) -> TrainedBase:
    values = {row["field"]: row["value"] for row in record.plan}
    model = str(values.get("model.id"))
    if values.get("model.local"):
        model = str((Path(str(record.recipe["file"])).parent / model).resolve())
    return TrainedBase(model, values.get("model.revision"), read_quantization(values.get))


def read_quantization(get: Callable[[str], Any]) -> dict[str, Any] | None:
    """How a plan's base is quantized, by a function from a field to its value; None for 16 bits."""
    if get("quantization.bits") in (None, 16):
        return None
    return {name: get(f"quantization.{name}") for name in ("bits", "type", "double", "experts")}


def format_losses(losses: dict[str, dict[str, Any]], chosen: str) -> list[str]:
    """A table of what each way of combining loses against the exact weighted sum, a line each."""
    lines = [f"{'':2}{'combine':12} {'error':>8} {'worst':>8}  against the exact weighted sum of the updates"]
    for method, one in losses.items():
        mark = "*" if method == chosen else " "
        lines.append(f"{mark:2}{method:12} {one['error']:8.3g} {one['worst_error']:8.3g}  {one['worst_module']}")
    return lines
