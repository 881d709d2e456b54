"""What is chosen for 40 pairs of recipe and GPU, in each framework: tests/choices/golden. --update writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.estimate import estimate_plan
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.example_lengths import summarize_lengths
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve.plan_table import list_plan_values
from qwen_recipes.resolve.resolve import resolve
from qwen_recipes.resolve.speed import list_speed_choices, make_training_rows
from tests.conftest import BACKENDS, ROOT

FOLDER = ROOT / "tests/choices"
RECIPES = yaml.safe_load((FOLDER / "pairs.yaml").read_text("utf-8"))["recipes"]
PAIRS = [(name, gpu) for name, one in RECIPES.items() for gpu in one["gpus"]]
EXAMPLES = 6_000
GIB = 2**30
CHOSEN = ("micro_batch_size", "gradient_checkpointing", "packing", "attention", "liger", "lora_kernels")


def write_recipe(name, gpu):
    one = {key: value for key, value in RECIPES[name].items() if key not in ("examples", "gpus")}
    hardware = {"gpu": gpu, **one.pop("hardware", {})}
    return yaml.safe_dump({"version": 1, "name": name, "data": {"train": "rows.jsonl"}, **one, "hardware": hardware})


def describe(name, gpu, backend):
    """The values and reasons, and whether the bound is below what the GPU has."""
    loaded = load_recipe_text(write_recipe(name, gpu), "a.yaml", Path())
    if tokens := RECIPES[name].get("examples"):
        loaded = replace(loaded, lengths=summarize_lengths(tokens * (EXAMPLES // len(tokens))))
    plan = resolve(loaded, load_backend(backend))
    made = estimate_plan(plan, get_model_facts(plan.model, Path()), plan.hardware.gpu, make_training_rows(loaded, plan))
    fits = made.safe_peak <= made.usable
    choices = list_speed_choices(plan)
    values = {value.field: value.display_text for value in list_plan_values(plan)}
    paths = dict.fromkeys([*(f"training.{field}" for field in CHOSEN), *choices])
    head = f"{backend}: {made.safe_peak / GIB:.1f} of {made.usable / GIB:.1f} GiB, {'fits' if fits else 'may not fit'}"
    lines = [f"  {path}: {values[path]}{'  # ' + choices[path] if path in choices else ''}" for path in paths]
    return fits or "no setting is certain to fit" in str(choices), "\n".join([head, *lines]) + "\n"


@pytest.mark.parametrize(("name", "gpu"), PAIRS)
def test_what_is_chosen(name, gpu, request):
    """Nothing that is chosen exceeds the bound; where nothing is below it, the reason says so."""
    said = [describe(name, gpu, backend) for backend in BACKENDS]
    text = "".join(part for _, part in said)
    file = FOLDER / "golden" / f"{name}-{gpu}.txt"
    if request.config.getoption("--update"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8", newline="\n")
    assert text == file.read_text("utf-8"), "pytest tests/unit/resolve/test_choices.py --update writes it anew"
    assert all(honest for honest, _ in said)


def test_there_are_forty_pairs_and_no_other_files():
    assert len(PAIRS) == 40
    assert {file.stem for file in (FOLDER / "golden").iterdir()} == {f"{name}-{gpu}" for name, gpu in PAIRS}
