"""Which frameworks are meant: what `--backend` names, else the recipe's own, else the first that can do all of it.

Every command asks here. Linting alone looks at all of them where none is named.
"""

from __future__ import annotations

from qwen_recipes.backends import Backend, load_backend, load_backend_version, load_backends
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.resolve import resolve

ALL_BACKENDS = "all"
PREFERRED_BACKENDS = ("llamafactory", "axolotl", "ms-swift")
"""Those that are asked whether they can do what the recipe says, in this order."""


def choose_backend(loaded: LoadedRecipe, name: str | None = None, version: str | None = None) -> tuple[Backend, str]:
    """The framework named, else the recipe's own, else the first that supports all of the recipe; and why it is meant.

    The reason is empty where it is named. Raises UnknownBackendError.
    """
    if named := get_named_backend(loaded, name):
        return load_backend_version(named, version), ""
    able = next((one for one in PREFERRED_BACKENDS if _supports(loaded, one)), None)
    why = "the first that supports this recipe" if able else "the default; no framework supports all of this recipe"
    chosen = able or PREFERRED_BACKENDS[0]
    title = load_backend(chosen).title
    return load_backend_version(chosen, version), f"using {title}, {why}; choose with --backend or run.backend"


def choose_backends(
    loaded: LoadedRecipe, name: str | None = None, version: str | None = None
) -> tuple[list[Backend], str]:
    """As `choose_backend`, where several frameworks may be meant: `all` names every one. Raises UnknownBackendError."""
    if name == ALL_BACKENDS:
        return load_backends(), ""
    backend, why = choose_backend(loaded, name, version)
    return [backend], why


def get_named_backend(loaded: LoadedRecipe, name: str | None = None) -> str | None:
    """The framework that the command line names, else the recipe; None where both leave it open."""
    return name or (loaded.recipe.run.backend if loaded.recipe.run else None)


def _supports(loaded: LoadedRecipe, name: str) -> bool:
    backend = load_backend(name)
    try:
        return not backend.find_unsupported(resolve(loaded, backend))
    except RecipeError:
        return False
