"""Whose the files in a folder are: one recipe's files never take the place of another's."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_text
from qwen_recipes.recipe.load import LoadedRecipe

RECIPE_LINE = "recipe="
"""How the line of run.sh begins that tells where the recipe lies."""


class SharedFolderError(QwenRecipesError):
    """Two recipes would write to one folder. `first` and `second` name them."""

    def __init__(self, folder: Path, first: str, second: str, instead: str) -> None:
        super().__init__(f"{first} and {second} both write to {folder}: {instead}")
        self.folder, self.first, self.second = folder, first, second


def check_folders_apart(places: Iterable[tuple[LoadedRecipe, Path]], instead: str) -> None:
    """Each recipe has a folder of its own. Raises SharedFolderError for the first two that share one."""
    taken: dict[Path, str] = {}
    for loaded, folder in places:
        file, place = loaded.document.file, Path(os.path.realpath(folder))
        if place in taken:
            raise SharedFolderError(folder, taken[place], file, instead)
        taken[place] = file


def find_other_owner(folder: Path, loaded: LoadedRecipe) -> Path | None:
    """The other recipe, still there, whose compiled files a folder holds; None where it may be written to."""
    recipe = read_owner(folder)
    if recipe is None or not recipe.is_file():
        return None
    own = loaded.folder / loaded.file_name
    return None if recipe == Path(os.path.realpath(own)) else recipe


def read_owner(folder: Path) -> Path | None:
    """The recipe that run.sh in a folder names; None where there is none."""
    try:
        lines = read_text(folder / "run.sh", "record").splitlines()
        written = next(line for line in lines if line.startswith(RECIPE_LINE))
        (name,) = shlex.split(written.removeprefix(RECIPE_LINE))
        return Path(os.path.realpath(folder / name))
    except (OSError, ValueError, StopIteration):
        return None
