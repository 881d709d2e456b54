"""What the row program copies beside the rows is there to be copied."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.backends import load_backends
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import ROOT

RECIPES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "tests/conformance").glob("**/recipes/*.yaml")])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_file_that_is_copied_is_compiled(recipe, tmp_path):
    loaded, compiled = load_recipe(str(recipe)), 0
    for backend in load_backends():
        try:
            files = compile_recipe(loaded, backend, tmp_path).files
        except RecipeError:
            continue
        compiled += 1
        assert set(json.loads(files["rows.json"])["copied"]) <= set(files), backend.name
    assert compiled
