"""Rows of every layout, by objective in one file: what each framework trains on is what `data preview` shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.data.rows.layouts import CONVERSATION_FORMATS, detect_format
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare_tokens
from qwen_recipes.verify.encoding_jobs import align_answers, prepare_job, run_encoder
from qwen_recipes.verify.row_sample import sample_rows
from tests.conftest import ROOT

from .ci_sample import list_parameters
from .compiled import BACKENDS

RECIPE = """\
version: 1
model: Qwen/Qwen3-4B
data: {train: rows.jsonl}
training: {sequence_length: 2048, micro_batch_size: 1, batch_size: 1}
hardware: {device: cpu}
"""
LEFT_OUT = ("ms-swift-pretraining", "trl-prompt", "ms-swift-grpo")
"""Layouts of other objectives, whose columns are a conversation's too."""


OBJECTIVES = {"preference": "dpo", "kto": "kto"}


def list_rows(*formats: str) -> list[str]:
    files = sorted((ROOT / "tests/layouts").glob("*.jsonl"))
    texts = [file.read_text("utf-8").strip() for file in files if file.stem not in LEFT_OUT]
    return [text for text in texts if detect_format(json.loads(text)) in formats]


def test_there_are_more_than_thirty_layouts() -> None:
    assert len(list_rows(*CONVERSATION_FORMATS, *OBJECTIVES)) > 30


@pytest.mark.training
@pytest.mark.parametrize(
    ("backend", "layout"), list_parameters(product(BACKENDS, OBJECTIVES), ("llamafactory", "preference"))
)
def test_pairs_and_labels_of_all_layouts_are_drawn_as_previewed(
    backend: str, layout: str, tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    """`recipes verify` starts the framework: each row's ids and masks are in its batches, and no others."""
    interpreter(backend)
    lines = list_rows(layout)
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    file = tmp_path / "layouts.yaml"
    recipe = RECIPE.replace("batch_size: 1", "batch_size: 2") if layout == "kto" else RECIPE  # QR420
    file.write_text(f"{recipe}objective: {OBJECTIVES[layout]}\n", "utf-8")
    words = ["verify", str(file), "--backend", backend, "--format", "json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["backends"]
    assert (found["rows"], found["ids"], found["labels"]) == (len(lines),) * 3


@pytest.mark.parametrize("backend", list_parameters(BACKENDS, "ms-swift"))
def test_a_file_of_all_layouts_is_trained_as_previewed(
    backend: str, tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    python, one, lines = interpreter(backend), load_backend(backend), list_rows(*CONVERSATION_FORMATS)
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    loaded = load_recipe_text(RECIPE, "layouts.yaml", tmp_path)
    plan = resolve(loaded, one)
    picked = sample_rows(plan, tmp_path, build_encoder(plan, tmp_path), None).rows
    assert [row.line for row in picked] == list(range(1, len(lines) + 1))
    job = prepare_job(loaded, plan, one, picked, tmp_path / "job")
    spec_file = Path(json.loads(job.file.read_text("utf-8"))["rows"])
    source = json.loads(job.compiled.files["rows.json"])["train"][0]
    spec = {**json.loads(spec_file.read_text("utf-8")), "train": [{**source, "path": str(tmp_path / "rows.jsonl")}]}
    spec_file.write_text(json.dumps(spec), "utf-8")
    run_encoder(backend, python, [job])
    by_row = align_answers(job)
    verdicts = {row.line: compare_tokens(row.encoded, by_row.get(place)).verdict for place, row in enumerate(picked)}
    assert set(verdicts.values()) == {"same"}, verdicts
