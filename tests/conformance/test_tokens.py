"""What each framework trains on, token by token, against our definition: 204 conversations, and 20 for each option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.backends import backend_named
from qwen_recipes.data.labels import encoder_of
from qwen_recipes.qwen.chat_templates import template_text
from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.qwen.stand_in import stand_in
from qwen_recipes.recipe.load import load_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.compare import compare
from qwen_recipes.verify.jobs import aligned, prepare, run
from qwen_recipes.verify.rows import sample
from scripts.parity.cells import OPTIONS, USUAL, Cell
from scripts.parity.run import cases, judged, prepared, write_rows
from scripts.parity_page import knowledge

from .compiled import BACKENDS

CELLS = [
    Cell("hybrid", "native"),
    Cell("hybrid", "exact"),
    Cell("thinking-2507", "native"),
    Cell("instruct-2507", "native"),
    Cell("base", "exact"),
    *(Cell("hybrid", "native", option) for option in OPTIONS if option != USUAL),
]
WHOLE = {"QR314"}
"""Guards of a difference in every row."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_tokens_and_labels_are_ours(backend: str, tmp_path: Path, interpreter: Callable[[str], Path]) -> None:
    python = interpreter(backend)
    write_rows(tmp_path, 204, 11)
    ready = {cell: prepared(backend, cell, tmp_path) for cell in CELLS}
    run(backend, python, [job for _, job in ready.values()])
    for cell, (picked, job) in ready.items():
        found = judged(picked, job, cases(tmp_path / cell.rows), backend, cell)
        guards = {knowledge(found, entry).guard for entry in found["differing"]}  # raises where one is news
        assert guards <= {"QR314", "QR526", "QR527"}, (cell, found["differing"])
        assert guards & WHOLE or found["labels"] >= 0.95 * found["rows"], (cell, found)


OWN = """\
version: 1
model: mine
data: {train: rows.jsonl}
training: {sequence_length: 16384, micro_batch_size: 1, batch_size: 1}
hardware: {device: cpu}
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_folders_own_template_is_what_is_trained(
    backend: str, tmp_path: Path, interpreter: Callable[[str], Path]
) -> None:
    """A template that Qwen did not release: every conversation begins with a text that only it writes."""
    python, one = interpreter(backend), backend_named(backend)
    stand_in(REGISTRY["Qwen/Qwen3-4B"], tmp_path / "mine")
    (tmp_path / "mine" / "chat_template.jinja").write_text("As in my folder." + template_text("hybrid"), "utf-8")
    write_rows(tmp_path, 40, 12)
    loaded = load_text(OWN, "own.yaml", tmp_path)
    plan = resolve(loaded, one)
    assert (plan.chat.template, plan.chat.official) == ("mine/chat_template.jinja", False)
    encoder = encoder_of(plan, tmp_path)
    picked = sample(plan, tmp_path, encoder, None).rows
    job = prepare(loaded, plan, one, [row.row for row in picked], tmp_path / "job")
    run(backend, python, [job])
    by_row = aligned(len(picked), job)
    assert len(picked) == 40
    for place, row in enumerate(picked):
        assert encoder.decode(row.encoded.ids).startswith("As in my folder.<|im_start|>")
        assert compare(row.encoded, by_row.get(place)).verdict == "same", (plan.chat.encoding, row.row)
