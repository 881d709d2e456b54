"""JSON: a list, one map a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qwen_recipes.cli.escaping import dump_json
from qwen_recipes.finding import Finding, format_route


def report(findings: Iterable[Finding], files: Sequence[str] = ()) -> str:
    """A JSON list, one map a finding; lines and columns count from 1, end columns are exclusive."""
    return dump_json([finding_as_dict(finding) for finding in findings])


def finding_as_dict(finding: Finding) -> dict[str, object]:
    """One finding as plain data; `fix` is `safe`, `unsafe` or null."""
    span = finding.span
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "suggestion": finding.suggestion,
        "field": format_route(finding.route),
        "file": finding.file,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "fix": None if finding.fix is None else "safe" if getattr(finding.fix, "safe", False) else "unsafe",
    }
