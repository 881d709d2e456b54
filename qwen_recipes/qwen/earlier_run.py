"""A model that an earlier run will write: what that run starts from, by its record or by its recipe."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_bytes, read_json
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.file_content import load_recipes_text
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.overrides import OverrideError

CHECKPOINT = re.compile(r"checkpoint-[0-9]+")
RECORD_FILE = "run.json"
MAX_RECIPES = 200
"""So many YAML files of the recipe's folder are looked at, in the order of their names."""
MAX_RECIPE_BYTES = 200_000


@dataclass(frozen=True)
class EarlierRun:
    """The recipe of a run that writes to some folder."""

    loaded: LoadedRecipe

    @property
    def model(self) -> str:
        """The model that it starts from."""
        return self.loaded.recipe.model.id

    @property
    def writes_adapter(self) -> bool:
        """Whether it leaves an adapter and no whole model."""
        method = self.loaded.recipe.method
        return method is None or method.type not in ("full", "freeze")


def find_earlier_run(output: Path, recipe_folder: Path) -> EarlierRun | None:
    """The run that writes this output folder or checkpoint: by its record, else by a recipe in `recipe_folder`."""
    if CHECKPOINT.fullmatch(output.name):
        output = output.parent
    found = read_recorded_recipe(output) or next(_iter_recipes_writing_to(output, recipe_folder), None)
    return EarlierRun(found) if found else None


def read_recorded_recipe(output: Path) -> LoadedRecipe | None:
    """The recipe in the record of a run's output folder; None where there is none that can be read."""
    try:
        recipe = read_json(output / RECORD_FILE, "record")["recipe"]
        file, text, overrides = str(recipe["file"]), str(recipe["text"]), tuple(map(str, recipe["set"]))
        return load_recipes_text(text, file, Path(file).parent, overrides, str(recipe.get("stage", "")))[0]
    except (OSError, ValueError, KeyError, TypeError, RecipeError, OverrideError, RecursionError):
        return None


def _iter_recipes_writing_to(output: Path, folder: Path) -> Iterator[LoadedRecipe]:
    for file in sorted(folder.glob("*.y*ml"))[:MAX_RECIPES]:
        for loaded in _load_recipes(file, output.name):
            if (folder / _get_output_folder(loaded)).resolve() == output.resolve():
                yield loaded


def _load_recipes(file: Path, name: str) -> list[LoadedRecipe]:
    """Recipes that may write to a folder of this name, each stage's too; the file's name or its text says so."""
    try:
        if file.suffix not in (".yaml", ".yml") or not file.is_file() or file.stat().st_size > MAX_RECIPE_BYTES:
            return []
        content = read_bytes(file, "recipe")
    except OSError:
        return []
    if name not in file.name and name not in content.decode("utf-8", "replace"):
        return []
    if b"extends" in content:
        return _parse_recipes(content, file)
    return _parse_recipes_once(content, file, tuple(sorted(os.environ.items())))


@lru_cache(maxsize=64)
def _parse_recipes_once(content: bytes, file: Path, _variables: tuple[tuple[str, str], ...]) -> list[LoadedRecipe]:
    """As `_parse_recipes`, of a file that reads no other one: a pipeline's stages ask for it again and again."""
    return _parse_recipes(content, file)


def _parse_recipes(content: bytes, file: Path) -> list[LoadedRecipe]:
    try:
        return load_recipes_text(content, str(file), file.parent)
    except (RecipeError, OverrideError):
        return []


def _get_output_folder(loaded: LoadedRecipe) -> Path:
    output = loaded.recipe.output
    return expand_home(output.dir) if output and output.dir else Path("runs") / loaded.name
