"""Quick fixes: what a guard would change, what a near miss meant, and how a guard is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.guards.base import Fix
from qwen_recipes.guards.fixes import fix_text, is_fixable
from qwen_recipes.lsp.linted_document import LintedDocument
from qwen_recipes.yaml_text.edits import EditError, set_value

_SUGGESTION_PATTERNS = (
    re.compile(r"did you mean `([^`]+)`\?"),
    re.compile(r"write (\S+) without quotes"),
    re.compile(r"write `?([^\s`]+)`?\Z"),
)
_REASON_PLACEHOLDER = "write the reason here"


@dataclass(frozen=True)
class QuickFix:
    """Another text: `title` says what it does, `finding` why; `preferred` where nothing else can be meant."""

    title: str
    text: str
    finding: Finding
    preferred: bool = False


def build_quick_fixes(linted: LintedDocument, findings: list[Finding]) -> list[QuickFix]:
    """What can be done about these findings of a document."""
    return [
        change for finding in findings for change in _build_fixes_for(linted, finding) if change.text != linted.text
    ]


def apply_safe_fixes(linted: LintedDocument) -> str | None:
    """The text after every safe fix, or None where there is none."""
    if not any(is_fixable(finding, unsafe=False) for finding in linted.findings):
        return None
    fixed = fix_text(linted.text, linted.lint)
    return fixed.text if fixed.text != linted.text else None


def _build_fixes_for(linted: LintedDocument, finding: Finding) -> Iterator[QuickFix]:
    if isinstance(finding.fix, Fix):
        text = _edit_text(linted.text, *finding.fix.sets)
        if text is not None:
            unsure = "" if finding.fix.safe else " (may change what you mean)"
            yield QuickFix(f"{_describe_fix(finding.fix)}{unsure}", text, finding, finding.fix.safe)
    elif finding.code == "recipe":
        yield from _fix_near_miss(linted, finding)
    if finding.code.startswith("QR"):
        text = _edit_text(linted.text, (f"allow.{finding.code}", _REASON_PLACEHOLDER))
        if text is not None:
            yield QuickFix(f"Allow {finding.code} in this recipe", text, finding)


def _edit_text(text: str, *sets: tuple[str, object]) -> str | None:
    try:
        for path, value in sets:
            text = set_value(text, path, value)
    except (EditError, RecipeError):
        return None
    return text


def _describe_fix(fix: Fix) -> str:
    parts = [
        f"remove `{path}`" if value is None else f"set `{path}` to {_format_value(value)}" for path, value in fix.sets
    ]
    said = " and ".join(parts)
    return said[:1].upper() + said[1:]


def _format_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fix_near_miss(linted: LintedDocument, finding: Finding) -> Iterator[QuickFix]:
    """A slip of the pen, where the finding says what was meant: its place is that of the word."""
    found = next(filter(None, (pattern.search(finding.suggestion) for pattern in _SUGGESTION_PATTERNS)), None)
    span = finding.span
    if found is None or span is None or span.line != span.end_line or span.line > len(linted.lines):
        return
    lines = linted.text.splitlines(keepends=True)
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.column - 1] + found[1] + line[span.end_column - 1 :]
    yield QuickFix(f"Write `{found[1]}`", "".join(lines), finding, True)
