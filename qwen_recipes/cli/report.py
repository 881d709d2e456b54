"""Findings for people and for machines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from qwen_recipes.recipe.finding import Finding, dotted

_COLOURS = {"error": "red", "warning": "yellow", "advice": "cyan"}


def text(findings: Iterable[Finding]) -> str:
    """Each finding with its line, a caret, why, and what to write instead."""
    return "\n".join(_block(finding) for finding in findings)


def _block(finding: Finding) -> str:
    span = finding.span
    place = (
        f"{finding.file}:{span.line}:{span.column}: "
        if span and finding.file
        else f"{finding.file}: "
        if finding.file
        else ""
    )
    kind = click.style(f"{finding.severity}[{finding.code}]", fg=_COLOURS[finding.severity], bold=True)
    lines = [f"{place}{kind}: {finding.message}"]
    if span and finding.line.strip():
        number = str(span.line)
        lines += [f"  {number} | {finding.line}", f"  {' ' * len(number)} | {_caret(finding)}"]
    if finding.why:
        lines.append(f"  why: {finding.why}")
    if finding.instead:
        lines.append(f"  instead: {finding.instead}")
    return "\n".join(lines) + "\n"


def _caret(finding: Finding) -> str:
    span = finding.span
    assert span is not None
    end = span.end_column if span.end_line == span.line else len(finding.line) + 1
    before = "".join("\t" if c == "\t" else " " for c in finding.line[: span.column - 1])
    return before + "^" * max(1, min(end, len(finding.line) + 1) - span.column)


def as_json(findings: Iterable[Finding]) -> str:
    """A JSON list, one map a finding; lines and columns count from 1."""
    return json.dumps([record(finding) for finding in findings], ensure_ascii=False, indent=2)


def record(finding: Finding) -> dict[str, Any]:
    """One finding as plain data."""
    span = finding.span
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "instead": finding.instead,
        "field": dotted(finding.route),
        "file": finding.file,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
    }


REPORTERS: dict[str, Callable[[Iterable[Finding]], str]] = {"text": text, "json": as_json}


def say(message: str) -> None:
    """A line for the person, on standard error."""
    click.echo(message, err=True, color=colour(sys.stderr))


def colour(stream: Any) -> bool | None:
    """Whether to colour: never under NO_COLOR, else click decides by the stream."""
    return False if os.environ.get("NO_COLOR") else None
