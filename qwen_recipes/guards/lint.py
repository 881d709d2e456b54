"""Everything that is wrong with a recipe: what the spec forbids, and what the guards say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qwen_recipes.recipe.finding import Finding, RecipeError
from qwen_recipes.recipe.load import Loaded, load_text
from qwen_recipes.recipe.overrides import BadOverride


def lint_text(
    content: bytes | str,
    name: str,
    folder: Path,
    backend: str | None = None,
    sets: tuple[str, ...] = (),
    version: str | None = None,
) -> list[Finding]:
    """Every finding of a recipe's text, in the order of the file; `name` is what findings call it.

    Raises BadOverride for what is no override.
    """
    try:
        return judge_recipe(load_text(content, name, folder, sets), backend, version)
    except BadOverride:
        raise
    except RecipeError as error:
        return error.findings


def judge_recipe(loaded: Loaded, backend: str | None, version: str | None = None) -> list[Finding]:
    """What the guards say of a recipe for its backend, or for all where it names none; each finding once.

    Where a backend is named, what it can't be told is an error too.

    Raises RecipeError where it can't be resolved.
    """
    from qwen_recipes.backends import UnknownBackend, backend_at, backends
    from qwen_recipes.guards import judge
    from qwen_recipes.guards.limits import beyond
    from qwen_recipes.recipe.check import locate
    from qwen_recipes.resolve import resolve

    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    try:
        chosen = [backend_at(name, version)] if name else backends()
    except UnknownBackend as error:
        message, _, instead = str(error).partition("; ")
        return [locate(loaded.document, Finding("recipe", "error", message, ("run", "backend"), instead=instead))]
    found: dict[tuple[object, ...], Finding] = {}
    for one in chosen:
        plan = resolve(loaded, one)
        refused = beyond(plan, loaded, one) if name else []
        for finding in [*judge(plan, loaded, one), *refused]:
            found.setdefault((finding.code, finding.route, finding.message), finding)
    return sorted(found.values(), key=lambda f: (f.span.line if f.span else 0, f.code))


Lint = Callable[[str], list[Finding]]
"""Findings of a text: what `lint_text` says, with everything but the text decided."""
