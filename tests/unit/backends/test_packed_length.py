"""LLaMA-Factory keeps one token of a pack free: rows are truncated to what is left, not once more by the framework."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.verify.row_sample import count_longest_example

RECIPE = """\
version: 1
model: Qwen/Qwen3-0.6B
data: {{train: rows.jsonl}}
training: {{packing: {packing}, sequence_length: 128, overlong: truncate}}
hardware: {{device: cpu}}
"""


@pytest.mark.parametrize(
    ("backend", "packing", "longest"),
    [("llamafactory", "true", 127), ("llamafactory", "false", 128), ("axolotl", "true", 128)],
)
def test_rows_are_as_long_as_an_example_may_be(tmp_path, backend, packing, longest):
    loaded = load_recipe_text(RECIPE.format(packing=packing), "r.yaml", tmp_path)
    made = compile_recipe(loaded, load_backend(backend), tmp_path / "out")
    assert json.loads(made.files["rows.json"])["sequence_length"] == longest
    assert count_longest_example(made.plan) == longest
