"""docs/research/speed-of-defaults.md says of `prefer: memory` what recipes resolve to, and of repeats what was run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from research.measurements.speed_page import HERE, PREFERS_MEMORY, render_page

CELLS = json.loads((HERE / "default_cells.json").read_text("utf-8"))
DEFAULTS = [cell for cell in CELLS if cell["setting"] == "default" and cell["recipe"].get("objective") != "dpo"]


@pytest.mark.parametrize("cell", DEFAULTS, ids=lambda cell: cell["id"])
def test_prefer_memory_is_the_setting_that_the_page_names(cell):
    assert PREFERS_MEMORY == "micro4-again-liger"
    recipe = {
        "version": 1,
        "model": f"Qwen/Qwen3-{cell['model']}",
        "data": {"train": "rows.jsonl"},
        "hardware": {"gpu": "h200", "gpus": 1, "prefer": "memory"},
        **cell["recipe"],
    }
    training = resolve(load_recipe_text(json.dumps(recipe), "a.yaml", Path()), load_backend(cell["backend"])).training
    chosen = (training.micro_batch_size, training.gradient_checkpointing, training.liger, training.lora_kernels)
    assert chosen == (4, True, True, False) and not training.packing and training.attention == "sdpa"


def test_in_no_more_memory_than_an_example_a_recipe_trains_faster():
    table = render_page().partition("## Against the frameworks' own examples")[2].partition("Other examples")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ") and "GiB" not in line][1:]
    assert len(rows) >= 5
    for _, _, _, rate, memory, our_rate, our_memory, *_ in rows:
        assert float(our_rate.replace(",", "")) >= float(rate.replace(",", ""))
        assert float(our_memory) <= float(memory)


def test_the_default_is_within_five_percent_of_the_best_by_hand():
    table = render_page().partition("## Three runs")[2].partition("\n## ")[0]
    shares = [float(line.split("|")[-2]) for line in table.splitlines() if "| default" in line]
    assert len(shares) == 9
    assert min(shares) >= 0.95
