"""`--locked`: exit where anything differs from the recipe's lock file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.hub_files import pin_revision
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error
from qwen_recipes.cli.pinned_sources import pin_adapter, pin_locked_data

if TYPE_CHECKING:
    from qwen_recipes.compile import CompiledRecipe
    from qwen_recipes.recipe.load import LoadedRecipe
    from qwen_recipes.recipe.pipeline import Pipeline


def pin_locked_revision(loaded: LoadedRecipe) -> LoadedRecipe:
    """The recipe with its model, adapter and data sets at the lock's commits, where it states no revision itself and
    has a lock.
    """
    from qwen_recipes.recipe.lock_parts import get_lock_path, list_locked_recipes
    from qwen_recipes.runs.recipe_lock import read_lock

    try:
        recipes = dict(list_locked_recipes(read_lock(get_lock_path(loaded.document.file))))
    except (OSError, ValueError):  # `exit_on_drift` says so
        return loaded
    recipe = recipes.get(loaded.part) or _find_locked_model(recipes, loaded.recipe.model.id)
    locked, adapter, data = recipe.get("model"), recipe.get("adapter"), recipe.get("data")
    found = locked.get("revision") if isinstance(locked, dict) and locked.get("id") == loaded.recipe.model.id else None
    pinned = pin_revision(loaded, found if isinstance(found, str) else None)
    if isinstance(adapter, dict):
        pinned = pin_adapter(pinned, adapter.get("id"), adapter.get("revision"))
    return pin_locked_data(pinned, data if isinstance(data, list) else [])


def _find_locked_model(recipes: dict[str, dict[str, object]], model: str) -> dict[str, object]:
    """The model that some stage has locked, for a stage that merges and has no recipe in the lock."""
    found = (one.get("model") for one in recipes.values())
    return next(({"model": one} for one in found if isinstance(one, dict) and one.get("id") == model), {})


def exit_on_drift(outputs: list[CompiledRecipe], pipeline: Pipeline | None = None) -> None:
    """Exit 1 with every difference from the lock file, or 2 if there is no readable lock file.

    With `pipeline`, its merges are compared too.
    """
    from qwen_recipes.recipe.lock_parts import get_lock_path
    from qwen_recipes.runs.locked_merges import lock_merges
    from qwen_recipes.runs.recipe_lock import find_drift, iter_differences, read_lock

    file = outputs[0].loaded.document.file
    path = get_lock_path(file)
    try:
        locked = read_lock(path)
        found = find_drift(locked, outputs)
        if pipeline is not None:
            found += iter_differences(locked.get("merges") or {}, lock_merges(pipeline), "merges")
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and error.filename in (None, str(path))
        why = "does not exist" if is_missing else f"cannot read: {error.strerror}"
        separator = " " if is_missing else ": "
        exit_with_error(
            f"{error.filename or path}{separator}{why}; write it with `recipes lock {file}`", ExitCode.USAGE
        )
    except ValueError as error:
        exit_with_error(f"{path}: {error}; write it again with `recipes lock {file}`", ExitCode.USAGE)
    if not found:
        return
    for line in found:
        print_stderr(f"recipes: {line}")
    print_stderr(f"recipes: differs from {path}; update it with `recipes lock {file}`")
    sys.exit(ExitCode.INVALID_INPUT)
