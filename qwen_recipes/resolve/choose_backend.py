"""Which frameworks are meant: what `--backend` names, else the recipe's own, else the first that can do all of it.

Every command asks here. Linting alone looks at all of them where none is named.
"""

from __future__ import annotations

from qwen_recipes.backends import PREFERRED_BACKENDS, load_backend, load_backend_version, load_backends
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.backend_recipe import BackendRecipe

ALL_BACKENDS = "all"


def choose_backend(
    loaded: LoadedRecipe, name: str | None = None, version: str | None = None
) -> tuple[BackendRecipe, str]:
    """The recipe for the framework named, else its own, else the first that supports all of it; and why it is meant.

    The reason is empty where it is named. Raises UnknownBackendError.
    """
    if named := get_named_backend(loaded, name):
        return BackendRecipe(loaded, load_backend_version(named, version)), ""
    recipes = (BackendRecipe(loaded, load_backend(one)) for one in PREFERRED_BACKENDS)
    able = next((one for one in recipes if is_supported(one)), None)
    why = "the first that supports this recipe" if able else "the default; no framework supports all of this recipe"
    chosen = able or BackendRecipe(loaded, load_backend(PREFERRED_BACKENDS[0]))
    if version is not None:
        chosen = BackendRecipe(loaded, load_backend_version(chosen.backend.name, version))
    return chosen, f"using {chosen.backend.title}, {why}; choose with --backend or run.backend"


def choose_backends(
    loaded: LoadedRecipe, name: str | None = None, version: str | None = None
) -> tuple[list[BackendRecipe], str]:
    """As `choose_backend`, where several frameworks may be meant: Raises UnknownBackendError.

    `all` names every one that takes any recipe; one that asks for values of its own is named by itself.
    """
    if name == ALL_BACKENDS:
        return [BackendRecipe(loaded, backend) for backend in load_backends() if backend.takes_any_recipe], ""
    recipe, why = choose_backend(loaded, name, version)
    return [recipe], why


def get_named_backend(loaded: LoadedRecipe, name: str | None = None) -> str | None:
    """The framework that the command line names, else the recipe; None where both leave it open."""
    return name or (loaded.recipe.run.backend if loaded.recipe.run else None)


def is_supported(recipe: BackendRecipe) -> bool:
    """Whether the recipe resolves and the framework supports all of it."""
    try:
        return not recipe.backend.find_unsupported(recipe.plan)
    except RecipeError:
        return False
