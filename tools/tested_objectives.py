"""Which objective was run with which framework, and on what: collected from the committed results of runs.

- tests/conformance/results.json: parsed, or trained on a CPU (`make conformance-full`)
- tests/conformance/trainer/results.json: seen at the trainer
- research/curves/results.json: trained on a CPU
- qwen_recipes/estimate/measured/: trained on a GPU
- research/measurements/results/: trained on two GPUs
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.tested_objectives import LEVELS, OBJECTIVES, Level
from research.curves.curve_recipes import CURVES

ROOT = Path(__file__).parents[1]
CONFORMANCE, MEASUREMENTS = ROOT / "tests/conformance", ROOT / "research/measurements/results"
MEASURED = ROOT / "qwen_recipes/estimate/measured"
Shown = tuple[str, str, Level]
"""Framework, objective, level."""


def render_tested_objectives() -> str:
    """The file that `recipes backends` reads."""
    found: dict[str, dict[str, set[Level]]] = defaultdict(lambda: defaultdict(set))
    for collect in (list_conformance_runs, list_trainer_cells, list_curves, list_gpu_runs, list_two_gpu_runs):
        for backend, objective, level in collect():
            found[backend][objective].add(level)
    ordered = {
        backend: {one: sorted(by_objective[one], key=LEVELS.index) for one in OBJECTIVES if one in by_objective}
        for backend, by_objective in sorted(found.items())
    }
    return json.dumps(ordered, indent=1) + "\n"


def list_conformance_runs() -> Iterator[Shown]:
    """Runs that are named for an objective; `full`, `freeze` and the like are SFT."""
    outcomes: dict[str, Level] = {"trained": "trained on a CPU", "parsed": "parsed"}
    for run, by_backend in json.loads((CONFORMANCE / "results.json").read_text("utf-8")).items():
        objective = "dpo" if run == "ipo-with-sft" else run if run in OBJECTIVES else "sft"
        for backend, result in by_backend.items():
            if result["outcome"] in outcomes and is_current(backend, result["version"]):
                yield backend, objective, outcomes[result["outcome"]]


def list_trainer_cells() -> Iterator[Shown]:
    """Cells that were observed: what stands at a trainer was parsed before."""
    folder = CONFORMANCE / "trainer"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    for cell in json.loads((folder / "cells.json").read_text("utf-8"))["cells"]:
        recipe = cell["recipe"] if "recipe" in cell else yaml.safe_load((folder / cell["file"]).read_text("utf-8"))
        for backend, result in results.get(cell["name"], {}).items():
            if result["outcome"] == "observed" and is_current(backend, result["version"]):
                yield backend, read_objective(recipe), "parsed"
                yield backend, read_objective(recipe), "seen at the trainer"


def list_curves() -> Iterator[Shown]:
    """Loss curves on the CPU."""
    results = json.loads((ROOT / "research/curves/results.json").read_text("utf-8"))
    for name in CURVES:
        for backend in results["curves"].get(name, {}):
            if is_current(backend, results["versions"].get(backend)):
                yield backend, CURVES[name].objective, "trained on a CPU"


def list_gpu_runs() -> Iterator[Shown]:
    """Runs whose memory was measured on one GPU, and Unsloth's."""
    trained = {run["id"] for run in read_lines(MEASURED / "trainer_results.jsonl") if run["outcome"] == "trained"}
    for cell in json.loads((MEASURED / "trainer_cells.json").read_text("utf-8")):
        if cell["id"] in trained:
            yield cell["backend"], read_objective(cell["recipe"]), "trained on a GPU"
    for run in read_lines(MEASUREMENTS / "unsloth.jsonl"):
        if run["outcome"] == "trained" and is_current(run["backend"], run["versions"].get(run["backend"])):
            yield run["backend"], "sft", "trained on a GPU"


def list_two_gpu_runs() -> Iterator[Shown]:
    """Curves, resumed runs (SFT), examples and cells of memory that were trained on two GPUs."""
    trained = {run["id"] for run in read_lines(MEASUREMENTS / "two_gpu_memory.jsonl") if run["outcome"] == "trained"}
    for cell in json.loads((MEASUREMENTS.parent / "two_gpu_memory_cells.json").read_text("utf-8")):
        if cell["id"] in trained:
            yield cell["backend"], read_objective(cell["recipe"]), "trained on two GPUs"
    for run in read_lines(MEASUREMENTS / "two_gpus.jsonl"):
        yield run["backend"], CURVES[run["curve"]].objective, "trained on two GPUs"
    for run in read_lines(MEASUREMENTS / "resumed.jsonl"):
        yield run["backend"], "sft", "trained on two GPUs"
    for run in read_lines(MEASUREMENTS / "compiled.jsonl"):
        recipe = yaml.safe_load((ROOT / "examples" / f"{run['example']}.yaml").read_text("utf-8"))
        if run["outcome"] == "trained":
            yield run["backend"], read_objective(recipe), "trained on two GPUs"


def is_current(backend: str, version: str | None) -> bool:
    """Whether a result is of the version that is compiled for: an older one shows nothing of it."""
    return version == load_backend(backend).version


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file."""
    return (json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip())


def read_objective(recipe: dict[str, Any]) -> str:
    """The objective that a recipe names, in its short or its long form; SFT where it names none."""
    named = recipe.get("objective", "sft")
    return str(named if isinstance(named, str) else named.get("type", "sft"))
