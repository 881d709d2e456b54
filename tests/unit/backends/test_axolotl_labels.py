"""Rows of segments say themselves what has loss; told to train on inputs, Axolotl would train all of them."""

from __future__ import annotations

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.recipe.load import load_recipe_text

RECIPE = """\
version: 1
model: Qwen/Qwen3-0.6B
data: {{train: rows.jsonl}}
chat: {{train_on: all{more}}}
hardware: {{device: cpu}}
"""


@pytest.mark.parametrize(("more", "told"), [("", False), (", template: own.jinja, encoding: native", True)])
def test_labels_that_we_made_stay(tmp_path, more, told):
    (tmp_path / "own.jinja").write_text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", "utf-8")
    loaded = load_recipe_text(RECIPE.format(more=more), "r.yaml", tmp_path)
    made = compile_recipe(loaded, load_backend("axolotl"), tmp_path / "out")
    assert yaml.safe_load(made.files["train.yaml"])["train_on_inputs"] is told
