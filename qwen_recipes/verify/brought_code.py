"""Code that a recipe, or a folder that it names, brings with it: a framework that is started with it may run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.resolve import BackendRecipe

NO_SETTINGS = ("tokenizer.json", "vocab.json")
"""Large files of a model's folder that name no Python."""


def list_brought_code(recipe: BackendRecipe) -> list[str]:
    """What a framework may run of this recipe's, each with the field that names it. Raises RecipeError."""
    run, objective = recipe.loaded.recipe.run, recipe.loaded.recipe.objective
    found = []
    if run and run.environment not in (None, "managed", "current"):
        found.append(f"the environment {run.environment} (run.environment)")
    found += [f"the reward functions in {one.path}" for one in (objective and objective.rewards) or ()]
    found += [f"what `{key}` may start (backends.{recipe.backend.name}.extra)" for key in sorted(recipe.plan.extra)]
    return [*found, *_list_code_in_folders(recipe)]


def _list_code_in_folders(recipe: BackendRecipe) -> list[str]:
    plan, base = recipe.plan, recipe.loaded.folder
    named = {"model": plan.model.id if plan.model.local else None, "method.start_from": plan.method.start_from}
    return [
        f"the Python that {file.name} in {name} names ({field})"
        for field, name in named.items()
        if name is not None
        for file in sorted((base / expand_home(name)).glob("*.json"))
        if file.name not in NO_SETTINGS and _names_python(file)
    ]


def _names_python(file: Path) -> bool:
    """Whether a settings file names Python beside it (`auto_map`, PEFT's `auto_mapping`), or can't be read to see."""
    try:
        found = read_json(file, "tokenizer")
    except (OSError, ValueError):
        return True
    if not isinstance(found, Mapping):
        return False
    peft = found.get("auto_mapping")
    library = str(peft.get("parent_library") or "transformers") if isinstance(peft, Mapping) else "transformers"
    return bool(found.get("auto_map")) or library.partition(".")[0] != "transformers"
