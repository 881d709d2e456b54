"""Fixes, applied to a recipe's text one by one, each held against the text it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.guards.base import Fix
from qwen_recipes.guards.lint import Lint
from qwen_recipes.recipe.edits import CannotEdit, put
from qwen_recipes.recipe.finding import Finding, RecipeError, dotted

MAX_FIXES = 100
"""A file gets at most so many: a bound on fixes that call for each other."""


@dataclass(frozen=True)
class Fixed:
    """A text after its fixes: what was put right, what could not be and why, and what is left to say of it."""

    text: str
    applied: tuple[Finding, ...]
    dropped: tuple[tuple[Finding, str], ...]
    left: tuple[Finding, ...]


def fixable(finding: Finding, *, unsafe: bool) -> bool:
    """Whether it brings a fix; one that may change what the person means counts only with `unsafe`."""
    return isinstance(finding.fix, Fix) and (finding.fix.safe or unsafe)


def fix_text(text: str, lint: Lint, *, unsafe: bool = False) -> Fixed:
    """Apply every fix that holds. One after which the text does not load, or that changes nothing, is dropped."""
    applied: list[Finding] = []
    dropped: list[tuple[Finding, str]] = []
    findings = lint(text)
    tried: set[object] = set()
    while len(tried) < MAX_FIXES and (finding := next(_open(findings, tried, unsafe), None)):
        tried.add(_key(finding))
        try:
            text, findings = _applied(text, finding, findings, lint)
            applied.append(finding)
        except CannotEdit as error:
            dropped.append((finding, str(error)))
    return Fixed(text, tuple(applied), tuple(dropped), tuple(findings))


def _open(findings: list[Finding], tried: set[object], unsafe: bool) -> Iterator[Finding]:
    return (f for f in findings if fixable(f, unsafe=unsafe) and _key(f) not in tried)


def _key(finding: Finding) -> object:
    return finding.code, finding.route, repr(finding.fix)


def _applied(text: str, finding: Finding, before: list[Finding], lint: Lint) -> tuple[str, list[Finding]]:
    """The text with this fix and what is then said of it. Raises CannotEdit where it does not hold."""
    assert isinstance(finding.fix, Fix)
    changed = text
    try:
        for path, value in finding.fix.sets:
            changed = put(changed, path, value)
    except RecipeError as error:
        raise CannotEdit(error.findings[0].message) from None
    after = lint(changed)
    broken = [f for f in after if f.code == "recipe" and f.message not in {b.message for b in before}]
    if broken:
        raise CannotEdit(f"the recipe would not load: {broken[0].message}")
    if any((f.code, f.route) == (finding.code, finding.route) for f in after) or changed == text:
        raise CannotEdit(f"{finding.code} would say the same of `{dotted(finding.route)}`")
    return changed, after
