"""What a backend can't be told, each with the backends that can."""

from __future__ import annotations

from qwen_recipes.backends import Backend, backends
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.finding import Finding, RecipeError, Route
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.resolve import resolve


def beyond(plan: Plan, loaded: Loaded, backend: Backend) -> list[Finding]:
    """Every field of the plan that this backend can't be told, at its line."""
    found = []
    for limit in backend.beyond(plan):
        versions = [backend.at(v) for v in backend.versions if v != backend.version]
        able = [f"{b.title} {b.version}" for b in versions if _can(b, loaded, limit.field)]
        able += [b.title for b in backends() if b.name != backend.name and _can(b, loaded, limit.field)]
        instead = f"{' or '.join(able)} can" if able else "no backend can"
        message = f"{backend.title} {backend.version} can't do what `{limit.field}` asks"
        found.append(refusal(loaded, limit.field, message, instead, limit.why))
    return found


def _can(backend: Backend, loaded: Loaded, field: str) -> bool:
    """Whether this backend, with a plan of its own, has no limit at the field."""
    try:
        return all(limit.field != field for limit in backend.beyond(resolve(loaded, backend)))
    except RecipeError:
        return False


def refusal(loaded: Loaded, field: str, message: str, instead: str, why: str = "") -> Finding:
    """A field that a backend refuses, at its place in the recipe."""
    route: Route = tuple(field.replace("[]", "").split("."))
    return locate(loaded.document, Finding("backend", "error", message, route, why=why, instead=instead))
