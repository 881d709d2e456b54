"""Text for the terminal: the line with a caret, why it matters, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from qwen_recipes.cli.escaping import escape_line, escape_text
from qwen_recipes.finding import Finding

_MAX_LINE_WIDTH = 200
"""Characters of a line that are shown."""
SEVERITY_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


def report(findings: Iterable[Finding], files: Sequence[str] = ()) -> str:
    """Each finding with its line, a caret, why, and what to write instead."""
    return "\n".join(_format_finding(finding) for finding in findings)


def _format_finding(finding: Finding) -> str:
    span = finding.span
    kind = click.style(f"{finding.severity}[{finding.code}]", fg=SEVERITY_COLOURS[finding.severity], bold=True)
    lines = [f"{format_location(finding)}{kind}: {_escape(finding.message)}"]
    if span and finding.line.strip():
        number = str(span.line)
        line, caret = _clip_line(finding.line, _draw_caret(finding), span.column - 1)
        lines += [f"  {number} | {escape_line(line)}", f"  {' ' * len(number)} | {caret}"]
    if finding.why:
        lines.append(f"  why: {_escape(finding.why)}")
    if finding.suggestion:
        lines.append(f"  help: {_escape(finding.suggestion)}")
    return "\n".join(lines) + "\n"


def _clip_line(line: str, caret: str, column: int) -> tuple[str, str]:
    """A line too long to show, and its caret, as far as they stand around the place."""
    if len(line) <= _MAX_LINE_WIDTH:
        return line, caret
    start = max(0, min(column - _MAX_LINE_WIDTH // 2, len(line) - _MAX_LINE_WIDTH))
    return line[start : start + _MAX_LINE_WIDTH], caret[start : start + _MAX_LINE_WIDTH]


def format_location(finding: Finding) -> str:
    """`file:line:column: `, as far as it is known."""
    if not finding.file:
        return ""
    span = finding.span
    file = escape_line(finding.file)
    return f"{file}:{span.line}:{span.column}: " if span else f"{file}: "


def _escape(message: str) -> str:
    """A message without controls, whose further lines can't pass for findings."""
    return escape_text(message).replace("\n", "\n    ")


def _draw_caret(finding: Finding) -> str:
    span = finding.span
    assert span is not None
    end = span.end_column if span.end_line == span.line else len(finding.line) + 1
    before = "".join("\t" if c == "\t" else " " for c in finding.line[: span.column - 1])
    return before + "^" * max(1, min(end, len(finding.line) + 1) - span.column)
