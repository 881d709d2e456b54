"""What is refused goes wrong at the trainer: each refusal of trainer/refusals.yaml, compiled and started.

`make conformance-full` writes what was seen to trainer/refusals.json; docs/research/trainer-values.md shows it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen_recipes.backends import Backend, load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe

from .compiled import BACKENDS
from .conftest import run_command
from .probed_trainers import ProbedRecipe, probe_recipes
from .trainer_cells import FOLDER
from .trainer_results import write_cell

COUNTED_BY_ROWS = ("training.packing", "data.train")
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
REFUSALS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "refusals.yaml").read_text("utf-8"))
RECIPE: dict[str, Any] = {
    **{"version": 1, "data": "d/s12.jsonl", "method": {"type": "lora", "rank": 4}, "hardware": {"device": "cpu"}},
    "training": {"steps": 4, "batch_size": 2, "micro_batch_size": 2, "sequence_length": 256, "packing": False},
}


def write_recipe(refusal: dict[str, Any], model: Path, folder: Path) -> Path:
    """The recipe of a refusal: a plain one with what it names."""
    given = refusal["recipe"]
    data = given.get("data", RECIPE["data"])
    recipe = {**RECIPE, "name": refusal["name"], "model": str(model), **given}
    recipe["data"] = data if isinstance(data, dict) else {"train": data}
    recipe["training"] = {**RECIPE["training"], **given.get("training", {})}
    file = folder / f"{refusal['name']}.yaml"
    file.write_text(yaml.safe_dump(recipe, sort_keys=False), "utf-8")
    return file


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal["name"])
def test_it_is_refused(refusal: dict[str, Any], tmp_path: Path) -> None:
    """By the compiler; what has to be counted, the program that prepares rows refuses."""
    if refusal["field"] in COUNTED_BY_ROWS:
        return  # tests/unit/data/test_preparation.py
    (tmp_path / "d").symlink_to(FOLDER / "d")
    write_adapter_config(tmp_path / "sft-adapter")
    file = write_recipe(refusal, Path("Qwen/Qwen3-0.6B"), tmp_path)
    with pytest.raises(RecipeError) as caught:
        compile_recipe(load_recipe(str(file)), load_backend(refusal["backend"]), tmp_path / "out")
    assert any(f"`{refusal['field']}`" in finding.message for finding in caught.value.findings)


def write_adapter_config(folder: Path) -> None:
    """What of a saved adapter the compiler reads."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": ALL_LINEAR}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "adapter_model.safetensors").touch()


def allow_everything(backend: Backend) -> Backend:
    """The framework as if it could do all that a recipe says."""
    return replace(
        backend, unsupported_settings=(), count_needed_packs=lambda plan: 0, count_needed_examples=lambda plan: 0
    )


@pytest.mark.full
@pytest.mark.parametrize("backend", BACKENDS)
def test_without_the_refusal_the_trainer_has_something_else(
    backend: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    model, python = tiny_model(backend), interpreter(backend)
    (tmp_path / "d").symlink_to(FOLDER / "d")
    run_command([python, FOLDER / "make_adapter.py", model, tmp_path / "sft-adapter"])
    refusals = [refusal for refusal in REFUSALS if refusal["backend"] == backend]
    recipes = {refusal["name"]: write_recipe(refusal, model, tmp_path) for refusal in refusals}
    probes = probe_recipes(allow_everything(load_backend(backend)), python, recipes, tmp_path / "probes")
    for refusal in refusals:
        seen = describe_fault(refusal, probes[refusal["name"]])
        if os.environ.get("QWEN_RECIPES_TRAINER_RESULTS"):
            write_cell(FOLDER / "refusals.json", refusal["name"], backend, {"field": refusal["field"], **seen})


def describe_fault(refusal: dict[str, Any], probe: ProbedRecipe) -> dict[str, Any]:
    """What goes wrong; it has to be what the refusal names."""
    assert not probe.refused, (refusal["name"], probe.refused)
    if "error" in refusal:
        error = str(probe.observation.get("error", ""))
        assert refusal["error"] in error, (refusal["name"], error[-500:])
        line = next(line for line in reversed(error.splitlines()) if refusal["error"] in line)
        return {"error": line.partition(" [type=")[0].strip()[:200]}
    check = probe.check()[refusal["differs"]]
    assert check.result == "differs", (refusal["name"], check)
    return {"differs": refusal["differs"], "planned": check.planned, "seen": check.seen}
