"""Qwen3-Coder in every framework: tools are trained as its official template writes them, and a small one trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.qwen.chat_templates import render_conversation
from qwen_recipes.qwen.coder import read_coder_template
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare_tokens
from qwen_recipes.verify.encoding_jobs import align_answers, prepare_job, run_encoder
from qwen_recipes.verify.row_sample import sample_rows
from tests.conftest import ROOT
from tests.unit.data.test_coder_tools import CONVERSATIONS, TOOLS

from .ci_sample import list_parameters
from .conftest import run_command

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
RECIPE = """\
version: 1
name: coder
model: coder
data: {train: rows.jsonl}
training: {sequence_length: 8192, micro_batch_size: 1, batch_size: 2, steps: 3, learning_rate: 1e-3}
hardware: {device: cpu}
"""
ADAPTER = "method: {type: lora, rank: 8, targets: [q_proj, o_proj]}\nallow: {QR201: the model is a stand-in}\n"


def write_rows(folder: Path) -> list[dict[str, Any]]:
    """Every second conversation with tools; some frameworks want the keys of all messages to be of one type."""
    rows: list[dict[str, Any]] = [
        {"messages": talk, "tools": TOOLS["several"] if number % 2 else TOOLS["none"]}
        for number, talk in enumerate(CONVERSATIONS)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return rows


@pytest.mark.parametrize("backend", list_parameters(BACKENDS, "llamafactory"))
def test_tools_are_trained_as_the_official_template_writes_them(
    backend: str, tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    python, one, template = interpreter(backend), load_backend(backend), read_coder_template()
    write_placeholder_model(REGISTRY["Qwen/Qwen3-30B-A3B-Instruct-2507"], tmp_path / "coder")
    (tmp_path / "coder" / "chat_template.jinja").write_text(template, "utf-8")
    rows = write_rows(tmp_path)
    loaded = load_recipe_text(RECIPE, "coder.yaml", tmp_path)
    plan = resolve(loaded, one)
    assert (plan.chat.template, plan.chat.official) == ("own", False)
    encoder = build_encoder(plan, tmp_path)
    picked = sample_rows(plan, tmp_path, encoder, None).rows
    assert len(picked) == len(rows) > 20
    job = prepare_job(loaded, plan, one, picked, tmp_path / "job")
    run_encoder(backend, python, [job])
    by_row = align_answers(job)
    for place, row in enumerate(picked):
        source = rows[row.line - 1]
        official = render_conversation(template, source["messages"], source["tools"])
        assert encoder.decode(row.encoded.ids) == official.removesuffix("\n")
        assert compare_tokens(row.encoded, by_row.get(place)).verdict == "same", (plan.chat.encoding, row.row)


@pytest.mark.full
@pytest.mark.training
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_small_coder_trains(backend: str, tmp_path: Path, interpreter: Callable[[str], Path]) -> None:
    """A mixture of experts with Coder's template, through the command line; the result is served by that template."""
    python, template = interpreter(backend), read_coder_template()
    program = ROOT / "examples" / "quickstart" / "make_tiny_model.py"
    words = ["--tokenizer", get_tokenizer_folder("instruct-2507"), "--variant", "instruct-2507", "--experts", "4"]
    run_command([python, program, tmp_path / "coder", *words])
    (tmp_path / "coder" / "chat_template.jinja").write_text(template, "utf-8")
    write_rows(tmp_path)
    run = f"{ADAPTER}run: {{backend: {backend}, environment: {python.parent.parent}}}\n"
    (tmp_path / "coder.yaml").write_text(RECIPE + run, "utf-8")
    done = CliRunner().invoke(main, ["run", str(tmp_path / "coder.yaml")])
    assert done.exit_code == 0, done.output
    (saved,) = {file.read_text("utf-8").rstrip("\n") for file in (tmp_path / "runs/coder").rglob("chat_template.jinja")}
    assert saved == template.rstrip("\n")
