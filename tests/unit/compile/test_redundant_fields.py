"""A field that says the default loses nothing where a framework is not told it; any other value would."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
WRITTEN = Path(__file__).parents[2] / "conformance" / "recipes" / "defaults-written.yaml"


@pytest.mark.parametrize("backend", BACKENDS)
def test_defaults_may_be_written_out(backend: str, tmp_path: Path) -> None:
    compile_recipe(load_recipe(str(WRITTEN)), load_backend(backend), tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_nobody_reads_is_refused_where_it_is_not_the_default(backend: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        compile_recipe(load_recipe(str(WRITTEN), ("tracking.project=other",)), load_backend(backend), tmp_path)
    assert [finding.route for finding in caught.value.findings if finding.severity == "error"] == [
        ("tracking", "project")
    ]
