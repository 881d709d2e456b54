"""GitHub Actions: workflow commands, which GitHub shows at the line of a pull request.

Escapes: docs.github.com, "Workflow commands for GitHub Actions"; the runner reads %25, %0D, %0A, and in properties
%3A and %2C as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qwen_recipes.cli.escaping import escape_controls
from qwen_recipes.finding import Finding

_COMMANDS = {"error": "error", "warning": "warning", "advice": "notice"}


def report(findings: Iterable[Finding], files: Sequence[str] = ()) -> str:
    """One command a finding."""
    return "\n".join(_format_command(finding) for finding in findings)


def _format_command(finding: Finding) -> str:
    said = ",".join(f"{name}={_escape_property(str(value))}" for name, value in _collect_properties(finding).items())
    return f"::{_COMMANDS[finding.severity]} {said}::{_escape_data(_format_message(finding))}"


def _collect_properties(finding: Finding) -> dict[str, str | int]:
    title: dict[str, str | int] = {"title": f"recipes {finding.code}"}
    span = finding.span
    if span is None or finding.file.startswith("<"):
        return title
    place: dict[str, str | int] = {"file": finding.file, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:
        place |= {"col": span.column, "endColumn": span.end_column}
    return place | title


def _format_message(finding: Finding) -> str:
    parts = [finding.message, finding.why, f"help: {finding.suggestion}" if finding.suggestion else ""]
    return "\n".join(part for part in parts if part)


def _escape_data(text: str) -> str:
    return escape_controls(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
