"""Fixes, applied to a recipe's text one by one, each held against the text it leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.finding import Finding, RecipeError, format_route
from qwen_recipes.guards.base import Fix
from qwen_recipes.guards.lint import LintFunction
from qwen_recipes.yaml_text.edits import EditError, set_value

MAX_FIXES = 100
"""A file gets at most so many: a bound on fixes that call for each other."""


@dataclass(frozen=True)
class FixResult:
    """A text after its fixes: the fixes that were applied, and those that were dropped and why."""

    text: str
    applied: tuple[Finding, ...]
    dropped: tuple[tuple[Finding, str], ...]


def is_fixable(finding: Finding, *, unsafe: bool) -> bool:
    """Whether it brings a fix; one that may change what the person means counts only with `unsafe`."""
    return isinstance(finding.fix, Fix) and (finding.fix.safe or unsafe)


def fix_text(text: str, lint: LintFunction, *, unsafe: bool = False) -> FixResult:
    """Apply every fix that holds. One after which the text does not load, or that changes nothing, is dropped."""
    applied: list[Finding] = []
    dropped: list[tuple[Finding, str]] = []
    findings = lint(text)
    tried: set[object] = set()
    while len(tried) < MAX_FIXES and (finding := next(_find_untried(findings, tried, unsafe), None)):
        tried.add(_fix_key(finding))
        try:
            text, findings = _apply_fix(text, finding, findings, lint)
            applied.append(finding)
        except EditError as error:
            dropped.append((finding, str(error)))
    return FixResult(text, tuple(applied), tuple(dropped))


def _find_untried(findings: list[Finding], tried: set[object], unsafe: bool) -> Iterator[Finding]:
    return (f for f in findings if is_fixable(f, unsafe=unsafe) and _fix_key(f) not in tried)


def _fix_key(finding: Finding) -> object:
    return finding.code, finding.route, repr(finding.fix)


def _apply_fix(text: str, finding: Finding, before: list[Finding], lint: LintFunction) -> tuple[str, list[Finding]]:
    """The text with this fix and what is then said of it. Raises EditError where it does not hold."""
    assert isinstance(finding.fix, Fix)
    changed = text
    try:
        for path, value in finding.fix.sets:
            changed = set_value(changed, path, value)
    except RecipeError as error:
        raise EditError(error.findings[0].message) from None
    after = lint(changed)
    broken = [f for f in after if f.code == "recipe" and f.message not in {b.message for b in before}]
    if broken:
        raise EditError(f"the fixed recipe would be invalid: {broken[0].message}")
    if any((f.code, f.route) == (finding.code, finding.route) for f in after) or changed == text:
        raise EditError(f"the fix does not resolve {finding.code} at `{format_route(finding.route)}`")
    return changed, after
