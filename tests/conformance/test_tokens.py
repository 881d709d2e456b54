"""What each framework trains on, token by token, against our definition: 204 conversations, and 20 for each option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.qwen.chat_templates import read_template
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare_tokens
from qwen_recipes.verify.encoding_jobs import align_answers, prepare_job, run_encoder
from qwen_recipes.verify.row_sample import sample_rows
from research.parity.measure_parity import prepare_cell, read_cases, score_cell, write_rows
from research.parity.parity_cells import DEFAULT_OPTION, OPTIONS, ParityCell
from research.parity.parity_page import explain_difference

from .ci_sample import list_parameters
from .compiled import BACKENDS

CELLS = [
    ParityCell("hybrid", "native"),
    ParityCell("hybrid", "exact"),
    ParityCell("thinking-2507", "native"),
    ParityCell("instruct-2507", "native"),
    ParityCell("base", "exact"),
    *(ParityCell("hybrid", "native", option) for option in OPTIONS if option != DEFAULT_OPTION),
]
IN_CI = [CELLS[0], CELLS[2], CELLS[4], ParityCell("hybrid", "native", "overlong: truncate")]
WHOLE = {"QR314"}
"""Guards of a difference in every row."""


@pytest.mark.parametrize(
    "cells", [pytest.param(IN_CI, id="some"), pytest.param(CELLS, id="all", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_tokens_and_labels_are_ours(
    backend: str, cells: list[ParityCell], tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    python = interpreter(backend)
    write_rows(tmp_path, 204, 11)
    ready = {cell: prepare_cell(backend, cell, tmp_path) for cell in cells}
    run_encoder(backend, python, [job for _, job in ready.values()])
    for cell, (picked, job) in ready.items():
        found = score_cell(picked, job, read_cases(tmp_path / cell.rows_file), backend, cell)
        guards = {explain_difference(found, entry).guard for entry in found["differing"]}  # raises where one is news
        known = {"QR314", "QR526", "QR527"} | ({"QR512"} if cell.option == "overlong: truncate" else set())
        assert guards <= known, (cell, found["differing"])
        differing = found["rows"] - found["labels"]
        assert guards & WHOLE or differing <= max(1, found["rows"] // 20), (cell, found)


OWN = """\
version: 1
model: mine
data: {train: rows.jsonl}
training: {sequence_length: 16384, micro_batch_size: 1, batch_size: 1}
hardware: {device: cpu}
"""


@pytest.mark.parametrize("backend", list_parameters(BACKENDS, "axolotl"))
def test_a_folders_own_template_is_what_is_trained(
    backend: str, tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    """A template that Qwen did not release: every conversation begins with a text that only it writes."""
    python, one = interpreter(backend), load_backend(backend)
    write_placeholder_model(REGISTRY["Qwen/Qwen3-4B"], tmp_path / "mine")
    (tmp_path / "mine" / "chat_template.jinja").write_text("As in my folder." + read_template("hybrid"), "utf-8")
    write_rows(tmp_path, 40, 12)
    loaded = load_recipe_text(OWN, "own.yaml", tmp_path)
    plan = resolve(loaded, one)
    assert (plan.chat.template, plan.chat.official) == ("own", False)
    encoder = build_encoder(plan, tmp_path)
    picked = sample_rows(plan, tmp_path, encoder, None).rows
    job = prepare_job(loaded, plan, one, picked, tmp_path / "job")
    run_encoder(backend, python, [job])
    by_row = align_answers(job)
    assert len({row.line for row in picked}) == 40 < len(picked)  # every row, and one example for each reasoned query
    for place, row in enumerate(picked):
        assert encoder.decode(row.encoded.ids).startswith("As in my folder.<|im_start|>")
        assert compare_tokens(row.encoded, by_row.get(place)).verdict == "same", (plan.chat.encoding, row.row)
