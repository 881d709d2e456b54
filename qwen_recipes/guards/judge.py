"""Hold a plan against every guard."""

from __future__ import annotations

from qwen_recipes.backends import backend_names
from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.guards.base import Facts, Guard, Hit
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.finding import Finding
from qwen_recipes.recipe.load import Loaded
from qwen_recipes.recipe.words import nearest


def judge(plan: Plan, loaded: Loaded, backend: Backend) -> list[Finding]:
    """Every finding of every guard that the recipe does not allow, each at its line."""
    from qwen_recipes.guards import guard_codes
    from qwen_recipes.guards import recipe_guards as guards

    facts = Facts(plan, loaded, backend)
    findings = [locate(loaded.document, f, key=True) for f in _unknown_allowed(plan, guard_codes())]
    findings += [locate(loaded.document, f, key=True) for f in _unknown_backends(loaded)]
    for guard in guards():
        if guard.code in plan.allow or not guard.concerns(backend.name, plan.backend_version):
            continue
        findings += [locate(loaded.document, _finding(guard, hit)) for hit in guard.check(facts)]
    return findings


def _finding(guard: Guard, hit: Hit) -> Finding:
    why = " ".join(guard.part("Why it matters").split("\n\n")[0].split())
    return Finding(guard.code, guard.severity, hit.message, hit.route, why=why, instead=hit.instead, fix=hit.fix)


def _unknown_backends(loaded: Loaded) -> list[Finding]:
    known = backend_names()
    found = []
    for name in loaded.recipe.backends or {}:
        if name not in known:
            near = nearest(name, known)
            instead = f"did you mean `{near}`?" if near else f"installed: {', '.join(known)}"
            message = f"no backend is called {name}"
            found.append(Finding("recipe", "error", message, ("backends", name), instead=instead))
    return found


def _unknown_allowed(plan: Plan, codes: list[str]) -> list[Finding]:
    found = []
    for code in plan.allow:
        if code not in codes:
            near = nearest(code, codes)
            instead = f"did you mean `{near}`?" if near else "see `recipes explain`"
            found.append(Finding("recipe", "error", f"no guard is called {code}", ("allow", code), instead=instead))
    return found
