"""What only compiling shows of a recipe: fields that nothing reads, extras that contradict it or its schema."""

from __future__ import annotations

from collections.abc import Iterable

from qwen_recipes.compile.compiler import compile_backend_recipe
from qwen_recipes.compile.validate_output import InvalidOutputError
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.resolve.choose_backend import choose_backends, get_named_backend


def find_compile_errors(recipes: Iterable[LoadedRecipe], backend: str | None, version: str | None) -> list[Finding]:
    """The errors for which `compile` refuses recipes for their backend; none where no backend is named.

    The recipes are ones that can be resolved. Nothing is written.
    """
    found: dict[tuple[object, ...], Finding] = {}
    for loaded in recipes:
        found |= _find_errors(loaded, backend, version)
    return list(found.values())


def _find_errors(loaded: LoadedRecipe, backend: str | None, version: str | None) -> dict[tuple[object, ...], Finding]:
    named = get_named_backend(loaded, backend)
    found: dict[tuple[object, ...], Finding] = {}
    for one in choose_backends(loaded, named, version)[0] if named else []:
        try:
            compile_backend_recipe(one, loaded.folder / "compiled" / loaded.name / one.backend.name)
        except InvalidOutputError:
            continue  # ours to mend, not the recipe's
        except RecipeError as error:
            for finding in error.findings:
                if finding.severity == "error":
                    found.setdefault((finding.code, finding.route, finding.message), finding)
    return found
