"""Which framework is meant where the command line and the recipe leave it open: one rule for every command."""

from __future__ import annotations

from qwen_recipes.backends import Backend, load_backend, load_backend_version
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.resolve import resolve

PREFERRED_BACKENDS = ("llamafactory", "axolotl", "ms-swift")
"""Those that are asked whether they can do what the recipe says, in this order."""


def choose_backend(loaded: LoadedRecipe, name: str | None = None, version: str | None = None) -> tuple[Backend, str]:
    """The framework named, else the recipe's own, else the first that supports all of the recipe; and why it is meant.

    The reason is empty where it is named. Raises UnknownBackendError.
    """
    named = name or (loaded.recipe.run.backend if loaded.recipe.run else None)
    if named:
        return load_backend_version(named, version), ""
    able = next((one for one in PREFERRED_BACKENDS if _supports(loaded, one)), None)
    why = "the first that supports all of this recipe" if able else "the default, though none supports all of it"
    chosen = able or PREFERRED_BACKENDS[0]
    title = load_backend(chosen).title
    return load_backend_version(chosen, version), f"no framework is named: {title} is taken, {why}"


def _supports(loaded: LoadedRecipe, name: str) -> bool:
    backend = load_backend(name)
    try:
        return not backend.find_unsupported(resolve(loaded, backend))
    except RecipeError:
        return False
