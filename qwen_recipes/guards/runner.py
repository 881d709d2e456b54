"""Hold a plan against every guard."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from qwen_recipes.backends import list_backend_names
from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.finding import MAX_FINDINGS, Finding
from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.catalog import list_guard_codes, load_recipe_guards
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.suggestions import find_closest_match


def run_guards(plan: Plan, loaded: LoadedRecipe, backend: Backend) -> list[Finding]:
    """Every finding of every guard that the recipe does not allow, each at its line."""
    facts = GuardContext(plan, loaded, backend)
    findings = [locate_finding(loaded.document, f, key=True) for f in _find_unknown_codes(plan, list_guard_codes())]
    findings += [locate_finding(loaded.document, f, key=True) for f in _find_unknown_backends(loaded)]
    for guard in load_recipe_guards():
        if guard.code in plan.allow or not guard.applies_to(backend.name, plan.backend_version):
            continue
        hits = islice(guard.check(facts), MAX_FINDINGS + 1)
        findings += [locate_finding(loaded.document, _make_finding(guard, hit), key=hit.at_key) for hit in hits]
    return findings


def run_version_guards(plan: Plan, loaded: LoadedRecipe, backend: Backend, installed: str) -> list[Finding]:
    """Findings of the guards about the version that is installed, and not about the one that is compiled for."""
    facts = GuardContext(replace(plan, backend_version=installed), loaded, backend)
    return [
        locate_finding(loaded.document, _make_finding(guard, hit), key=hit.at_key)
        for guard in load_recipe_guards()
        if guard.code not in plan.allow
        and guard.applies_to(backend.name, installed)
        and not guard.applies_to(backend.name, plan.backend_version)
        for hit in guard.check(facts)
    ]


def _make_finding(guard: Guard, hit: Violation) -> Finding:
    why = " ".join(guard.get_section("Why it matters").split("\n\n")[0].split())
    return Finding(guard.code, guard.severity, hit.message, hit.route, why=why, suggestion=hit.suggestion, fix=hit.fix)


def _find_unknown_backends(loaded: LoadedRecipe) -> list[Finding]:
    known = list_backend_names()
    found = []
    for name in loaded.recipe.backends or {}:
        if name not in known:
            near = find_closest_match(name, known)
            instead = f"did you mean `{near}`?" if near else f"installed: {', '.join(known)}"
            message = f"unknown framework {name}"
            found.append(Finding("recipe", "error", message, ("backends", name), suggestion=instead))
    return found


def _find_unknown_codes(plan: Plan, codes: list[str]) -> list[Finding]:
    found = []
    for code in plan.allow:
        if code not in codes:
            near = find_closest_match(code, codes)
            instead = f"did you mean `{near}`?" if near else "`recipes explain` lists all guards"
            found.append(Finding("recipe", "error", f"unknown guard {code}", ("allow", code), suggestion=instead))
    return found
