"""The record of a pipeline, `pipeline.json` in its folder: its stages, how each ended, and of what it was made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.compile import CompiledRecipe
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.locked_folder import move_into
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.recipe.load import hash_content
from qwen_recipes.recipe.pipeline import Pipeline
from qwen_recipes.runs.data_hashes import hash_data, hash_file
from qwen_recipes.runs.record import format_current_time
from qwen_recipes.runs.run import find_trained_weights
from qwen_recipes.runs.validate_record import validate_record

PIPELINE_FILE = "pipeline.json"
StageStatus = Literal["waiting", "running", "finished", "failed", "interrupted"]
_INPUT_PATTERNS = ("*.safetensors", "config.json", "adapter_config.json", "tokenizer.json", "chat_template.jinja")


@dataclass
class StageRecord:
    """One stage. `made_from` is a hash of all that it reads: compiled files, data, the model or adapter it starts from.

    `seconds` is the wall clock, `output` absolute; a stage that trains has its own record, run.json, there.
    """

    name: str
    kind: str
    output: str
    backend: str = ""
    status: StageStatus = "waiting"
    made_from: str = ""
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    exit_code: int | None = None
    report: dict[str, Any] = field(default_factory=dict)
    """What a merge did."""


@dataclass
class PipelineRecord:
    """A pipeline. Times are ISO 8601 with zone; `recipe` is the file with its text, bases and overrides."""

    name: str
    recipe: dict[str, Any]
    stages: list[StageRecord]
    started: str
    version: int = 1

    def begin(self, stage: StageRecord, output: Path, made_from: str, backend: str) -> None:
        """Note that a stage starts now, and that those after it are to be done. Raises OSError."""
        stage.status, stage.made_from, stage.backend = "running", made_from, backend
        stage.started, stage.ended, stage.seconds, stage.exit_code = format_current_time(), None, None, None
        write_pipeline_record(output, self)

    def end(self, stage: StageRecord, output: Path, exit_code: int, seconds: float) -> None:
        """Note how a stage ended, after so many seconds. Raises OSError."""
        stage.status = "finished" if exit_code == 0 else "interrupted" if exit_code == 130 else "failed"
        stage.exit_code, stage.ended, stage.seconds = exit_code, format_current_time(), round(seconds, 1)
        write_pipeline_record(output, self)


def open_pipeline_record(output: Path, pipeline: Pipeline, overrides: tuple[str, ...]) -> PipelineRecord:
    """The record of this pipeline: stages that it shares with an earlier one keep what is known of them."""
    earlier = read_pipeline_record(output)
    known = {stage.name: stage for stage in earlier.stages} if earlier else {}
    stages = []
    for one in pipeline.stages:
        fresh = StageRecord(one.name, "merge" if one.merge else "train", str((pipeline.folder / one.output).resolve()))
        old = known.get(one.name)
        same = old is not None and (old.kind, old.output) == (fresh.kind, fresh.output)
        stages.append(old if same and old is not None else fresh)
    document = pipeline.document
    recipe = {
        "file": document.file,
        "text": document.text,
        "extends": {name: base.text for name, base in document.bases.items()},
        "set": list(overrides),
    }
    return PipelineRecord(pipeline.name, recipe, stages, format_current_time())


def read_pipeline_record(output: Path) -> PipelineRecord | None:
    """The record in a pipeline's output folder; None where there is none that can be read."""
    try:
        return validate_record(PipelineRecord, read_json(output / PIPELINE_FILE, "record"))
    except (OSError, ValueError):
        return None


def write_pipeline_record(output: Path, record: PipelineRecord) -> None:
    """Write a record whole or not at all. Raises OSError."""
    replace_file(output / PIPELINE_FILE, json.dumps(asdict(record), ensure_ascii=False, indent=2) + "\n")


def hash_training_inputs(compiled: CompiledRecipe) -> str:
    """Hash of all that a training reads: compiled files, rows, and the local model and adapter. Raises OSError."""
    plan, folder = compiled.plan, compiled.loaded.folder
    places = [folder / plan.model.id] if plan.model.local else []
    if plan.method.start_from:
        places.append(folder / expand_home(plan.method.start_from))
    return hash_content(
        {
            "files": compiled.files,
            "backend": compiled.backend.version,
            "data": hash_data(plan, folder),
            "weights": [hash_weights(place) for place in places],
        }
    )


def hash_merge_inputs(settings: dict[str, object], places: Iterable[Path]) -> str:
    """Hash of how a merge is done and of the weights that it reads. Raises OSError."""
    return hash_content({"settings": settings, "weights": [hash_weights(place) for place in places]})


def hash_weights(folder: Path) -> dict[str, str]:
    """Hashes of the weights, configs and tokenizer in a folder, by the files' names. Raises OSError."""
    files = sorted({file for pattern in _INPUT_PATTERNS for file in folder.glob(pattern) if file.is_file()})
    return {file.name: hash_file(file)[0] for file in files}


def has_result(stage: StageRecord, *, adapter: bool) -> bool:
    """Whether what a finished stage wrote is still there, and whole."""
    return find_trained_weights(Path(stage.output), adapter) is not None


def archive_stage(output: Path, root: Path) -> Path:
    """Move what an earlier merge wrote to `earlier/` in the pipeline's folder; its new place. Raises OSError."""
    number = 1
    while (root / "earlier" / str(number)).exists():
        number += 1
    place = root / "earlier" / str(number)
    move_into(output, place, Path(output.anchor))
    return place / output.name
