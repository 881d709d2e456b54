"""SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), for code scanning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qwen_recipes import __version__
from qwen_recipes.cli.escaping import dump_json
from qwen_recipes.finding import Finding, Severity, format_route

_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "advice": "note"}
_LINK = re.compile(r"\[(?=[^\]]{0,1000}\]\()")
"""Where `[text](target)` begins, which viewers show as a link: a recipe's own words are none."""
_SPEC_RULE = {
    "id": "recipe",
    "name": "RecipeSpec",
    "shortDescription": {"text": "Invalid recipe."},
    "defaultConfiguration": {"level": "error"},
}


def report(findings: Sequence[Finding], files: Sequence[str] = ()) -> str:
    """One run, with the rules that were broken and every file that was looked at."""
    codes = sorted({finding.code for finding in findings})
    driver = {"name": "recipes", "semanticVersion": __version__, "rules": [_build_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _to_uri(file)}} for file in files if not _is_unnamed(file)],
        "results": [_build_result(finding, codes.index(finding.code)) for finding in findings],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return dump_json(log)


def _build_rule(code: str) -> dict[str, object]:
    from qwen_recipes.guards import load_guard

    try:
        guard = load_guard(code)
    except KeyError:
        return {**_SPEC_RULE, "id": code}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in guard.name.split("-")),
        "shortDescription": {"text": f"{guard.title}."},
        "fullDescription": {"text": " ".join(guard.get_section("What").split())},
        "help": {"text": guard.docstring.strip()},
        "defaultConfiguration": {"level": _LEVELS[guard.severity]},
        "properties": {"precision": guard.confidence},
    }


def _build_result(finding: Finding, rule_index: int) -> dict[str, object]:
    said = [f"{part.rstrip('.')}." for part in (finding.message, finding.why) if part]
    instead = [f"Help: {finding.suggestion}"] if finding.suggestion else []
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _LINK.sub(r"\\[", " ".join([*said, *instead]))},
    }
    locations = _build_location(finding)
    return result | ({"locations": [locations]} if locations else {})


def _build_location(finding: Finding) -> dict[str, Any]:
    field = format_route(finding.route)
    logical = {"logicalLocations": [{"fullyQualifiedName": field, "kind": "member"}]} if field else {}
    span = finding.span
    if span is None or _is_unnamed(finding.file):
        return logical
    region: dict[str, Any] = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    place = {"artifactLocation": {"uri": _to_uri(finding.file)}, "region": region}
    return {"physicalLocation": place, **logical}


def _is_unnamed(file: str) -> bool:
    return not file or file in ("-", "<stdin>") or file.startswith("--set ")


def _to_uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")
