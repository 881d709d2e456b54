"""Quick fixes: what a guard would change, what a near miss meant, and how a guard is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qwen_recipes.cli.language_server.judged import Judged
from qwen_recipes.guards.base import Fix
from qwen_recipes.guards.fixes import fix_text, fixable
from qwen_recipes.recipe.edits import CannotEdit, put
from qwen_recipes.recipe.finding import Finding, RecipeError

_MEANT = (
    re.compile(r"did you mean `([^`]+)`\?"),
    re.compile(r"write (\S+) without quotes"),
    re.compile(r"write `?([^\s`]+)`?\Z"),
)
_REASON = "say here why this is right for you"


@dataclass(frozen=True)
class Change:
    """Another text: `title` says what it does, `finding` why; `preferred` where nothing else can be meant."""

    title: str
    text: str
    finding: Finding
    preferred: bool = False


def changes(judged: Judged, findings: list[Finding]) -> list[Change]:
    """What can be done about these findings of a document."""
    return [change for finding in findings for change in _of(judged, finding) if change.text != judged.text]


def all_fixed(judged: Judged) -> str | None:
    """The text after every safe fix, or None where there is none."""
    if not any(fixable(finding, unsafe=False) for finding in judged.findings):
        return None
    fixed = fix_text(judged.text, judged.lint)
    return fixed.text if fixed.text != judged.text else None


def _of(judged: Judged, finding: Finding) -> Iterator[Change]:
    if isinstance(finding.fix, Fix):
        text = _put(judged.text, *finding.fix.sets)
        if text is not None:
            unsure = "" if finding.fix.safe else " (may change what you mean)"
            yield Change(f"{_said(finding.fix)}{unsure}", text, finding, finding.fix.safe)
    elif finding.code == "recipe":
        yield from _meant(judged, finding)
    if finding.code.startswith("QR"):
        text = _put(judged.text, (f"allow.{finding.code}", _REASON))
        if text is not None:
            yield Change(f"Allow {finding.code} in this recipe", text, finding)


def _put(text: str, *sets: tuple[str, object]) -> str | None:
    try:
        for path, value in sets:
            text = put(text, path, value)
    except (CannotEdit, RecipeError):
        return None
    return text


def _said(fix: Fix) -> str:
    parts = [f"remove `{path}`" if value is None else f"set `{path}` to {_shown(value)}" for path, value in fix.sets]
    said = " and ".join(parts)
    return said[:1].upper() + said[1:]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(judged: Judged, finding: Finding) -> Iterator[Change]:
    """A slip of the pen, where the finding says what was meant: its place is that of the word."""
    found = next(filter(None, (pattern.search(finding.instead) for pattern in _MEANT)), None)
    span = finding.span
    if found is None or span is None or span.line != span.end_line or span.line > len(judged.lines):
        return
    lines = judged.text.splitlines(keepends=True)
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.column - 1] + found[1] + line[span.end_column - 1 :]
    yield Change(f"Write `{found[1]}`", "".join(lines), finding, True)
