"""For people: the offending line with a caret, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from qwen_recipes.recipe.finding import Finding

_WIDEST = 200
"""Characters of a line that are shown."""
_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


def report(findings: Iterable[Finding], files: Sequence[str] = ()) -> str:
    """Each finding with its line, a caret, why, and what to write instead."""
    return "\n".join(_block(finding) for finding in findings)


def _block(finding: Finding) -> str:
    span = finding.span
    kind = click.style(f"{finding.severity}[{finding.code}]", fg=_COLOURS[finding.severity], bold=True)
    lines = [f"{place(finding)}{kind}: {finding.message}"]
    if span and finding.line.strip():
        number = str(span.line)
        line, caret = _around(finding.line, _caret(finding), span.column - 1)
        lines += [f"  {number} | {line}", f"  {' ' * len(number)} | {caret}"]
    if finding.why:
        lines.append(f"  why: {finding.why}")
    if finding.instead:
        lines.append(f"  instead: {finding.instead}")
    return "\n".join(lines) + "\n"


def _around(line: str, caret: str, at: int) -> tuple[str, str]:
    """A line too long to show, and its caret, as far as they stand around the place."""
    if len(line) <= _WIDEST:
        return line, caret
    start = max(0, min(at - _WIDEST // 2, len(line) - _WIDEST))
    return line[start : start + _WIDEST], caret[start : start + _WIDEST]


def place(finding: Finding) -> str:
    """`file:line:column: `, as far as it is known."""
    if not finding.file:
        return ""
    span = finding.span
    return f"{finding.file}:{span.line}:{span.column}: " if span else f"{finding.file}: "


def _caret(finding: Finding) -> str:
    span = finding.span
    assert span is not None
    end = span.end_column if span.end_line == span.line else len(finding.line) + 1
    before = "".join("\t" if c == "\t" else " " for c in finding.line[: span.column - 1])
    return before + "^" * max(1, min(end, len(finding.line) + 1) - span.column)
