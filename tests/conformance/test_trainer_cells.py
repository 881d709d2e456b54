"""Every cell at every trainer: what stands there is what its recipe says.

`make conformance-full` tries all of them and writes trainer/results.json; every change tries those marked `ci`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.guards.catalog import load_guard
from tools.draw_trainer_cells import BACKENDS

from .ci_sample import list_parameters
from .conftest import ROOT, run_command
from .probed_trainers import ProbedRecipe, TrainerProbes
from .trainer_cells import FOLDER, list_cells, read_known_differences, write_cells
from .trainer_results import summarize_checks, write_cell

NOT_IN_THE_ENVIRONMENT = ("apollo_torch", "galore_torch", "schedulefree")
"""Packages without which an optimizer is not started; the locked environments lack some."""
TURN_END, PADDING = "<|im_end|>", "<|endoftext|>"


@pytest.fixture(scope="session")
def probe_cells(
    interpreter: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    trainer_probes: TrainerProbes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, bool], dict[str, ProbedRecipe]]:
    """A framework's cells at its trainer, with the tiny model and an adapter of rank 8 whose B is not 0."""
    recipes: dict[tuple[str, bool], dict[str, Path]] = {}

    def probe(backend: str, ci: bool) -> dict[str, ProbedRecipe]:
        if (backend, ci) not in recipes:
            folder, model = tmp_path_factory.mktemp("cells"), tiny_model(backend)
            run_command([interpreter(backend), FOLDER / "make_adapter.py", model, folder / "sft-adapter"])
            cells = list_cells(backend, ci)
            recipes[backend, ci] = write_cells(cells, model, folder / "sft-adapter", folder / "cells")
        return trainer_probes.probe(backend, f"cells-{'ci' if ci else 'others'}", recipes[backend, ci])

    return probe


@pytest.mark.parametrize(
    "ci", [pytest.param(True, id="ci"), pytest.param(False, id="all-others", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_stands_at_the_trainer_is_what_the_recipe_says(
    backend: str, ci: bool, probe_cells: Callable[[str, bool], dict[str, ProbedRecipe]]
) -> None:
    probes = probe_cells(backend, ci)
    found = {cell: describe_outcome(probe) for cell, probe in probes.items()}
    if name := os.environ.get("QWEN_RECIPES_TRAINER_RESULTS"):
        for cell, outcome in found.items():
            write_cell(Path(name), cell, backend, outcome)
    failed = {cell: outcome["why"] for cell, outcome in found.items() if outcome["outcome"] == "failed"}
    assert failed == {}
    assert list_unknown(backend, found) == []
    assert list_outdated(backend, found) == []


@pytest.mark.parametrize("backend", list_parameters(BACKENDS, "axolotl", "llamafactory", "ms-swift"))
def test_three_reasoned_turns_are_trained_as_previewed(
    backend: str, probe_cells: Callable[[str, bool], dict[str, ProbedRecipe]]
) -> None:
    """A hybrid model: one example for each query, with its own thoughts alone, as QR307's page says."""
    page = " ".join(load_guard("QR307").docstring.split())
    assert "one example for each user query, rendered as the model is served" in page
    assert "with loss only on that query's answer" in page
    probe = probe_cells(backend, True)["turns"]
    trained = sorted(list_trained_texts(probe.observation))
    assert trained == sorted(list_previewed_texts(probe.recipe, backend))
    rows = [json.loads(line) for line in (FOLDER / "d" / "reasoned.jsonl").read_text("utf-8").splitlines()[:2]]
    answers = [m for row in rows for m in row["messages"] if m["role"] == "assistant"]
    expected = [f"<think>\n{m['reasoning_content']}\n</think>\n\n{m['content']}{TURN_END}" for m in answers]
    assert sorted(loss for _, loss in trained) == sorted(expected)
    assert all(text.count("<think>") == 1 for text, _ in trained), "thoughts on earlier queries are gone"


def list_trained_texts(observation: dict[str, Any]) -> list[tuple[str, str]]:
    """Each example of the first two batches: its text without padding, and what of it has loss."""
    batches = observation["batches"]["micro_batches"]
    texts = [text for batch in batches for text in batch["texts"]["input_ids"]]
    losses = [text for batch in batches for text in batch["in_loss"]["labels"]]
    return [(text.replace(PADDING, ""), loss) for text, loss in zip(texts, losses, strict=True)]


def list_previewed_texts(recipe: Path, backend: str) -> list[tuple[str, str]]:
    """The same as `recipes data preview` shows it: what has loss stands between brackets."""
    command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "data", "preview", recipe]
    variables = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    shown = run_command([*command, "--backend", backend, "--rows", "6"], **variables)
    examples = re.split(r"^\S+:\d+, as .*\n", shown, flags=re.MULTILINE)[1:]
    return [
        (re.sub(r"\[\[|\]\]", "", text).strip("\n"), "".join(re.findall(r"\[\[(.*?)\]\]", text, re.DOTALL)))
        for text in examples
    ]


def describe_outcome(probe: ProbedRecipe) -> dict[str, Any]:
    """Observed, refused (by the compiler, or by the rows program), not run for want of a package, or failed."""
    if probe.job is None:
        return {"outcome": "refused", "why": ", ".join(dict.fromkeys(probe.refused))}
    if "error" in probe.observation:
        why = str(probe.observation["error"]).splitlines()[-1][:300]
        if why.startswith("rows: "):
            return {"outcome": "refused", "why": why}
        missing = any(package in probe.observation["error"] for package in NOT_IN_THE_ENVIRONMENT)
        return {"outcome": "not run" if missing else "failed", "why": why}
    if problems := probe.observation.get("problems"):
        section, traceback = next(iter(problems.items()))
        return {"outcome": "failed", "why": f"the observation has no `{section}`: {traceback.splitlines()[-1][:300]}"}
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
