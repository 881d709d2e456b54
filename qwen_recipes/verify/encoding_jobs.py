"""A comparison's jobs: the recipe compiled for each framework on the picked rows, and the framework's own encoding."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.backends import Backend, load_backend
from qwen_recipes.backends.base import ROW_ENCODER
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import CompiledRecipe, compile_recipe, write_files
from qwen_recipes.data.rows.messages import Row
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.spec.hardware_and_output import Output
from qwen_recipes.recipe.spec.model_and_data import Model
from qwen_recipes.verify.row_sample import SampledRow

TIMEOUT_SECONDS = 3600.0


class EncoderFailedError(QwenRecipesError, RuntimeError):
    """A framework's process ended without encoding; the message holds what it last said."""


@dataclass(frozen=True)
class EncodingJob:
    """One compiled recipe, ready for one framework's encoder."""

    file: Path
    out: Path
    compiled: CompiledRecipe
    places: tuple[tuple[int, int], ...]
    """Of each picked example, its row's line in the file that the framework is given, and its number in that row."""

    def read_answers(self) -> list[dict[str, object]]:
        """What the framework answered: see `encoders/worker.py`. Raises EncoderFailedError where it took no row."""
        found = [json.loads(line) for line in self.out.read_text("utf-8").splitlines()]
        if found and "row" not in found[0]:
            raise EncoderFailedError(found[0]["error"])
        return found


def prepare_model_folder(plan: Plan, base: Path, folder: Path) -> Path:
    """A folder for a model whose weights are not needed: a stand-in, or the person's own folder."""
    if plan.model.local:
        return (base / plan.model.id).resolve()
    write_placeholder_model(get_model_facts(plan.model), folder)
    return folder.resolve()


def prepare_job(
    loaded: LoadedRecipe, plan: Plan, backend: Backend, sampled: Sequence[SampledRow], folder: Path
) -> EncodingJob:
    """Compile the recipe for `backend` on these examples' rows, below `folder`, with the stand-in for its model.

    The rows are whole conversations: the rows program makes the examples, as in a run.

    Raises RecipeError as `compile_recipe`.
    """
    folder = folder.resolve() / backend.name
    compiled = compile_recipe(_replace_model_and_output(loaded, plan, folder), backend, folder / "compiled")
    write_files(folder / "compiled", compiled.files)
    rows, places = _list_conversations(sampled)
    _write_lines(folder / "picked.jsonl", rows)
    spec = json.loads(compiled.files["rows.json"])
    source = {**spec["train"][0], "path": str(folder / "picked.jsonl"), "hub": None, "columns": {}, "weight": 1.0}
    source |= {"roles": {}, "encoding": None}
    source["format"] = "text" if plan.objective.type == "pretrain" else "messages"
    spec |= {"train": [source], "validation": [], "validation_share": None, "origins": True}
    replace_file(folder / "rows.json", json.dumps(spec))
    job = {
        "folder": str(folder / "compiled"),
        "rows": str(folder / "rows.json"),
        "config": str(folder / "compiled" / "train.yaml"),
        "objective": plan.objective.type,
        "cwd": str(loaded.folder.resolve()),
        "out": str(folder / "encoded.jsonl"),
    }
    replace_file(folder / "job.json", json.dumps(job))
    return EncodingJob(folder / "job.json", folder / "encoded.jsonl", compiled, tuple(places))


def _list_conversations(sampled: Sequence[SampledRow]) -> tuple[list[Row], list[tuple[int, int]]]:
    """Each row once, and of each example its row's line and its number in it, both from 1."""
    rows: list[Row] = []
    places = []
    for index, one in enumerate(sampled):
        before = sampled[index - 1] if index else None
        if before is None or (before.file, before.line) != (one.file, one.line):
            rows.append(one.conversation)
        places.append((len(rows), one.part))
    return rows, places


def _replace_model_and_output(loaded: LoadedRecipe, plan: Plan, folder: Path) -> LoadedRecipe:
    model = Model(id=str(prepare_model_folder(plan, loaded.folder, folder / "model")))
    changes = {"model": model, "output": Output(dir=str(folder / "out"))}
    return replace(loaded, recipe=loaded.recipe.model_copy(update=changes))


def _write_lines(path: Path, rows: Sequence[Row]) -> None:
    replace_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def align_answers(job: EncodingJob) -> dict[int, dict[str, object]]:
    """The framework's answers by the place of the picked example; one that the preparation left out says why.

    Raises EncoderFailedError where the framework took no row.
    """
    report = json.loads((job.file.parent / "out" / "rows" / "rows.json").read_text("utf-8"))
    found = {(entry["line"], entry.get("example", 1)): {"error": entry["why"]} for entry in report["left_out"]}
    found |= {tuple(report["origins"][answer["row"]]): answer for answer in job.read_answers()}
    return {place: found[where] for place, where in enumerate(job.places) if where in found}


def run_encoder(
    backend: str, interpreter: Path, jobs: Sequence[EncodingJob], env: Mapping[str, str] | None = None
) -> None:
    """Let the framework do its jobs, imported once for all. Raises EncoderFailedError."""
    encoder = load_backend(backend).folder / ROW_ENCODER
    if not encoder.is_file():
        raise EncoderFailedError(f"the package of {backend} has no {ROW_ENCODER}, which shows how it encodes rows")
    command = [str(interpreter), "-m", "encoders.worker", str(encoder), *(str(job.file) for job in jobs)]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parent,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    missing = [job for job in jobs if not job.out.is_file()]
    if process.returncode or missing:
        raise EncoderFailedError("\n".join(said.decode("utf-8", "replace").splitlines()[-20:]))
