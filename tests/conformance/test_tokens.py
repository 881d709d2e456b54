"""What each framework trains on, token by token, against our definition: 204 conversations, and 20 for each option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.verify.jobs import run
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
