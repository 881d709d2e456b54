"""Every cell at every trainer: what stands there is what its recipe says.

`make conformance-full` tries all of them and writes trainer/results.json; every change tries those marked `ci`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .compiled import BACKENDS
from .conftest import run_command
from .probed_trainers import ProbedRecipe, TrainerProbes
from .trainer_cells import FOLDER, list_cells, read_known_differences, write_cells
from .trainer_results import summarize_checks, write_cell

NOT_IN_THE_ENVIRONMENT = ("apollo_torch", "galore_torch", "schedulefree")
"""Packages without which an optimizer is not started; the locked environments lack some."""


@pytest.fixture
def make_cells(
    interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> Callable[[str, bool], dict[str, Path]]:
    """Recipe files of a framework's cells, with the tiny model and an adapter of rank 8 whose B is not 0."""

    def make(backend: str, ci: bool) -> dict[str, Path]:
        model, adapter = tiny_model(backend), tmp_path / "sft-adapter"
        run_command([interpreter(backend), FOLDER / "make_adapter.py", model, adapter])
        return write_cells(list_cells(backend, ci), model, adapter, tmp_path / "cells")

    return make


@pytest.mark.full
@pytest.mark.parametrize("ci", [True, False], ids=["ci", "all-others"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_stands_at_the_trainer_is_what_the_recipe_says(
    backend: str, ci: bool, make_cells: Callable[[str, bool], dict[str, Path]], trainer_probes: TrainerProbes
) -> None:
    probes = trainer_probes.probe(backend, f"cells-{'ci' if ci else 'others'}", make_cells(backend, ci))
    found = {cell: describe_outcome(probe) for cell, probe in probes.items()}
    if name := os.environ.get("QWEN_RECIPES_TRAINER_RESULTS"):
        for cell, outcome in found.items():
            write_cell(Path(name), cell, backend, outcome)
    failed = {cell: outcome["why"] for cell, outcome in found.items() if outcome["outcome"] == "failed"}
    assert failed == {}
    assert list_unknown(backend, found) == []
    assert list_outdated(backend, found) == []


def describe_outcome(probe: ProbedRecipe) -> dict[str, Any]:
    """Observed, refused, not run for want of a package, or failed."""
    if probe.job is None:
        return {"outcome": "refused", "why": ", ".join(dict.fromkeys(probe.refused))}
    if "error" in probe.observation:
        why = str(probe.observation["error"]).splitlines()[-1][:300]
        missing = any(package in probe.observation["error"] for package in NOT_IN_THE_ENVIRONMENT)
        return {"outcome": "not run" if missing else "failed", "why": why}
    return summarize_checks(probe.check().values())


def list_unknown(backend: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Differences that no entry of the list explains."""
    known = read_known_differences()
    return [
        f"{cell}: {field}: planned {values['planned']}, seen {values['seen']}"
        for cell, outcome in found.items()
        for field, values in outcome.get("differs", {}).items()
        if not any(one.matches(backend, cell, field) for one in known)
    ]


def list_outdated(backend: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Entries of the list that name a cell which no longer differs there."""
    return [
        f"{cell}: {one.field}"
        for one in read_known_differences()
        for cell in one.cells
        if one.backend == backend and cell in found and one.field not in found[cell].get("differs", {})
    ]
