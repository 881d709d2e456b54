"""Put a finding at its place in the recipe's text."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.finding import COMMAND_LINE_SPAN, Finding, format_route
from qwen_recipes.yaml_text.nodes import Document


def locate_finding(document: Document, finding: Finding, *, key: bool = False) -> Finding:
    """The finding with its place in the file: the value at its route, or the key where that says more."""
    span = finding.span or document.span(finding.route, key=key)
    if span == COMMAND_LINE_SPAN:
        return replace(finding, file=f"--set {format_route(document.find_nearest_route(finding.route))}", span=None)
    return replace(finding, file=document.file, span=span, line=document.line(span.line))
