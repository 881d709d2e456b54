"""Settings that a backend does not support, each with the backends that do."""

from __future__ import annotations

from qwen_recipes.backends import Backend, load_backends
from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import Finding, RecipeError, Route
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.resolve import resolve


def find_unsupported(plan: Plan, loaded: LoadedRecipe, backend: Backend) -> list[Finding]:
    """Every setting of the plan that this backend does not support, at its line."""
    found = []
    for limit in backend.find_unsupported(plan):
        versions = [backend.at_version(v) for v in backend.versions if v != backend.version]
        able = [f"{b.title} {b.version}" for b in versions if _supports_field(b, loaded, limit.field)]
        others = [b for b in load_backends() if b.name != backend.name and not b.unmaintained]
        able += [b.title for b in others if _supports_field(b, loaded, limit.field)]
        instead = (
            f"{_join_names(able)} {'support' if len(able) > 1 else 'supports'} it"
            if able
            else "no framework supports it with the rest of this recipe"
        )
        message = f"{backend.title} {backend.version} does not support this `{limit.field}`"
        found.append(make_backend_error(loaded, limit.field, message, instead, limit.why))
    return found


def _join_names(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _supports_field(backend: Backend, loaded: LoadedRecipe, field: str) -> bool:
    """Whether this backend supports the field as the recipe sets it, and the objective with it."""
    try:
        limits = backend.find_unsupported(resolve(loaded, backend))
        return all(limit.field not in (field, "objective.type") for limit in limits)
    except RecipeError:
        return False


def make_backend_error(loaded: LoadedRecipe, field: str, message: str, instead: str, why: str = "") -> Finding:
    """An error about a field that a backend does not support, at its place in the recipe."""
    route: Route = tuple(field.replace("[]", "").split("."))
    return locate_finding(loaded.document, Finding("backend", "error", message, route, why=why, suggestion=instead))
