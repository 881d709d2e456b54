"""What a backend can't be told, each with the backends that can."""

from __future__ import annotations

from qwen_recipes.backends import Backend, load_backends
from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import Finding, RecipeError, Route
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.resolve import resolve


def find_unsupported(plan: Plan, loaded: LoadedRecipe, backend: Backend) -> list[Finding]:
    """Every field of the plan that this backend can't be told, at its line."""
    found = []
    for limit in backend.find_unsupported(plan):
        versions = [backend.at_version(v) for v in backend.versions if v != backend.version]
        able = [f"{b.title} {b.version}" for b in versions if _supports_field(b, loaded, limit.field)]
        able += [b.title for b in load_backends() if b.name != backend.name and _supports_field(b, loaded, limit.field)]
        instead = f"{' or '.join(able)} can" if able else "no backend can"
        message = f"{backend.title} {backend.version} can't do what `{limit.field}` asks"
        found.append(make_backend_error(loaded, limit.field, message, instead, limit.why))
    return found


def _supports_field(backend: Backend, loaded: LoadedRecipe, field: str) -> bool:
    """Whether this backend, with a plan of its own, has no limit at the field."""
    try:
        return all(limit.field != field for limit in backend.find_unsupported(resolve(loaded, backend)))
    except RecipeError:
        return False


def make_backend_error(loaded: LoadedRecipe, field: str, message: str, instead: str, why: str = "") -> Finding:
    """A field that a backend refuses, at its place in the recipe."""
    route: Route = tuple(field.replace("[]", "").split("."))
    return locate_finding(loaded.document, Finding("backend", "error", message, route, why=why, suggestion=instead))
