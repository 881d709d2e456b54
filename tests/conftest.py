"""What all tests share: recipes written to files, loaded, compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen_recipes.compile.field_probes import MINIMAL_RECIPE, deep_merge, nest_value
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe
from qwen_recipes.resolve.known_choices import forget_choices

__all__ = ["ALL_BACKENDS", "BACKENDS", "BASE", "ROOT", "deep_merge", "nest_value"]
ROOT = Path(__file__).parent.parent
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
"""Those that take every kind of recipe, the shortest one too."""
ALL_BACKENDS = (*BACKENDS, "torchtune", "unsloth")
BASE = MINIMAL_RECIPE


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write tests/golden anew")


@pytest.fixture(autouse=True)
def no_known_choices() -> None:
    """No choice for speed that another test made."""
    forget_choices()


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Write a recipe, as text or as changes to the shortest one; its path."""

    def write(recipe: Any = None, name: str = "recipe.yaml") -> Path:
        text = recipe if isinstance(recipe, str) else yaml.safe_dump(deep_merge(BASE, recipe or {}), sort_keys=False)
        file = tmp_path / name
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def loaded(write_recipe: Callable[..., Path]) -> Callable[..., LoadedRecipe]:
    """Write and load a recipe."""
    return lambda recipe=None, *sets: load_recipe(str(write_recipe(recipe)), sets)


@pytest.fixture
def problems() -> Callable[..., list[Finding]]:
    """The findings with which a call is refused."""

    def of(function: Callable[..., object], *args: Any, **named: Any) -> list[Finding]:
        with pytest.raises(RecipeError) as caught:
            function(*args, **named)
        return caught.value.findings

    return of


@pytest.fixture
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's local cache, empty, whatever this machine has."""
    folder = tmp_path / "hub-cache"
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    return folder
