"""Merge adapters: what is merged into what, and the program that does it in a framework's environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.estimate.host_memory import MERGE_SHARD_BYTES
from qwen_recipes.export.merge_room import find_merge_shortages
from qwen_recipes.export.whole_output import check_output_is_free, write_whole_output
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.runs.checkpoints import find_safetensors_damage
from qwen_recipes.runs.record import RECORD_FILE, RunRecord, read_record
from qwen_recipes.runs.run import find_trained_weights
from qwen_recipes.runs.trainer_logs import find_newest_checkpoint

_SHARDS = ("pytorch_model_fsdp_*", "global_step*")
CAVEAT = (
    "the adapter was trained on a {bits}-bit base; merged into the unquantized weights the model is not quite what was "
    "trained. `dequantized` merges into the weights as they were in training; `recipes merge --compare-loss 8` prints "
    "the loss of both"
)


class MergeFailedError(QwenRecipesError):
    """The adapters cannot be merged; the message says what to do."""


class MergeRoomError(MergeFailedError):
    """There is too little memory or disk for a merge."""


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

    Raises MergeFailedError, MergeRoomError; OSError, FileExistsError where the output folder is not empty.
    """
    check_output_is_free(job.output)
    if job.into != "adapter":
        folders = [folder for folder, _ in job.adapters]
        if shortages := list(find_merge_shortages(folders, job.base, job.output, job.dtype)):
            raise MergeRoomError("; ".join(shortages))
    return write_whole_output(job.output, lambda part: _run_program(job, part, interpreter))


def _run_program(job: MergeJob, part: Path, interpreter: Path) -> dict[str, object]:
    content = {
        "adapters": [{"folder": str(folder.resolve()), "weight": weight} for folder, weight in job.adapters],
        "output": str(part.resolve()),
        **{name: getattr(job, name) for name in ("base", "revision", "combine", "rank", "density", "seed")},
        **{name: getattr(job, name) for name in ("into", "dtype", "quantization")},
        "shard_bytes": round(MERGE_SHARD_BYTES),
    }
    return _call_program("merging", content, interpreter)


def _call_program(module: str, content: dict[str, object], interpreter: Path) -> dict[str, object]:
    """What a program beside this file reports of a job. Raises MergeFailedError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.json"
        replace_file(file, json.dumps(content))
        command = [str(interpreter), "-m", module, str(file)]
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            env=variables,
            stdin=subprocess.DEVNULL,  # transformers would ask whether to run a model's code
            capture_output=True,
            text=True,
            errors="replace",
        )
    if done.returncode == -signal.SIGKILL:
        raise MergeFailedError("the merge was killed, probably since the host's memory was used up")
    try:
        report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise MergeFailedError(f"{interpreter} -m {module} failed: {last[0]}") from None
    if "error" in report:
        raise MergeFailedError(str(report["error"]))
    return report


def compare_losses(job: MergeJob, examples: list[dict[str, list[int]]], interpreter: Path) -> dict[str, object]:
    """Mean loss of a token of the examples (`ids`, `labels`): `trained`, of the adapter on its base, and `merged`.

    Loads each model whole, on the GPU where there is one. Raises MergeFailedError.
    """
    content = {
        "adapter": str(job.adapters[0][0].resolve()),
        "merged": str(job.output.resolve()),
        "examples": examples,
        **{name: getattr(job, name) for name in ("base", "revision", "quantization")},
    }
    return _call_program("merging.compare_loss", content, interpreter)


def find_adapter_folder(folder: Path) -> Path:
    """The adapter that a run left in a folder: there, else in its newest checkpoint. Raises MergeFailedError."""
    found = find_trained_weights(folder, adapter=True)
    if found is not None:
        return found.parent
    for place in filter(None, (folder, find_newest_checkpoint(folder))):
        if (place / "adapter_config.json").is_file() and any(any(place.glob(pattern)) for pattern in _SHARDS):
            return place
    for place in filter(None, (folder, find_newest_checkpoint(folder))):
        if command := _suggest_gathering(place):
            raise MergeFailedError(f"{place} holds shards of a whole model and no adapter; gather them with: {command}")
    raise MergeFailedError(
        f"{folder} {_explain_no_adapter(folder)}: name the output folder of a run that trained one, or a checkpoint"
    )


def _explain_no_adapter(folder: Path) -> str:
    weights = folder / "adapter_model.safetensors"
    if weights.is_file():
        return f"has no usable adapter ({weights.name} is {find_safetensors_damage(weights)})"
    if (folder / "adapter_config.json").is_file():
        return f"has adapter_config.json, but no {weights.name}"
    return "has no adapter" if folder.is_dir() else "does not exist"


def _suggest_gathering(checkpoint: Path) -> str:
    """The command, for the run's environment, that gathers a whole model's shards; empty where there are none."""
    if any(checkpoint.glob("pytorch_model_fsdp_*")):
        return f"accelerate merge-weights {checkpoint}/pytorch_model_fsdp_0 OUTPUT"
    if any(checkpoint.glob("global_step*")):
        return f"python {checkpoint}/zero_to_fp32.py {checkpoint} OUTPUT --safe_serialization"
    return ""


@dataclass(frozen=True)
class TrainedBase:
    """The base that an adapter was trained on: a folder or hub id, its revision, and how it was quantized."""

    base: str
    revision: str | None = None
    quantization: dict[str, Any] | None = None
    on_modelscope: bool = False

    def require_readable(self) -> str:
        """The base's name. Raises MergeFailedError for an id on ModelScope."""
        if self.on_modelscope:
            raise MergeFailedError(
                f"the base {self.base} is on ModelScope, which merging does not read: download it "
                f"(modelscope download --model {self.base} --local_dir DIR) and name the folder with --base DIR"
            )
        return self.base


def find_run_folder(folder: Path) -> Path:
    """The output folder of the run that wrote `folder`, which is that folder or a checkpoint in it."""
    checkpoint = folder.name.startswith("checkpoint-") and not (folder / RECORD_FILE).exists()
    return folder.parent if checkpoint else folder


def find_trained_base(folder: Path, adapter: Path, named: str | None = None) -> TrainedBase:
    """By the record of the run that wrote `folder`, else by the adapter's own config; `named` is the user's own base.

    Raises MergeFailedError.
    """
    record = read_record(find_run_folder(folder))
    found = _read_recorded_base(record) if record is not None else None
    if named is not None:
        return TrainedBase(_locate_folder(named), quantization=found.quantization if found else None)
    return found or _read_base_of_config(adapter)


def _read_base_of_config(adapter: Path) -> TrainedBase:
    try:
        base = read_json(adapter / "adapter_config.json", "config").get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise MergeFailedError(f"{adapter}: adapter_config.json cannot be read: {error}") from None
    if not isinstance(base, str) or not base:
        raise MergeFailedError(f"{adapter} does not say which model it is for: name it with --base")
    return TrainedBase(_locate_folder(base))


def _locate_folder(model: str) -> str:
    """The whole path of a model's folder, which the merging program sees from another one; an id as it is."""
    folder = expand_home(model)
    return str(folder.resolve()) if folder.is_dir() else model


def _read_recorded_base(record: RunRecord) -> TrainedBase:
    values = {row["field"]: row["value"] for row in record.plan}
    model = str(values.get("model.id"))
    if values.get("model.local"):
        model = str((Path(str(record.recipe["file"])).parent / model).resolve())
    on_modelscope = values.get("model.source") == "modelscope"
    return TrainedBase(model, values.get("model.revision"), read_quantization(values.get), on_modelscope)


def read_quantization(get: Callable[[str], Any]) -> dict[str, object] | None:
    """How a plan's base is quantized, by a function from a field to its value; None for 16 bits."""
    if get("quantization.bits") in (None, 16):
        return None
    return {name: get(f"quantization.{name}") for name in ("bits", "type", "double", "experts")}


def format_losses(losses: dict[str, dict[str, object]], chosen: str) -> list[str]:
    """A table of what each way of combining loses against the exact weighted sum, a line each."""
    lines = [
        "Relative error against the exact weighted sum of the adapters (*: used):",
        f"{'':2}{'combine':12} {'error':>8} {'worst':>8}  worst module",
    ]
    for method, one in losses.items():
        mark = "*" if method == chosen else " "
        lines.append(f"{mark:2}{method:12} {one['error']:8.3g} {one['worst_error']:8.3g}  {one['worst_module']}")
    return lines
