"""Put a finding at its place in the recipe's text."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.finding import COMMAND_LINE_SPAN, Finding, Span, format_route
from qwen_recipes.recipe.composition.presets import PRESET_PREFIX
from qwen_recipes.yaml_text.nodes import Document


def locate_finding(document: Document, finding: Finding, *, key: bool = False) -> Finding:
    """The finding with its place in the file: the value at its route, or the key where that says more."""
    span = finding.span or document.span(finding.route, key=key)
    if span == COMMAND_LINE_SPAN:
        return replace(finding, file=f"--set {format_route(document.find_nearest_route(finding.route))}", span=None)
    if span.file in document.bases:
        return _locate_in_base(document, finding, span)
    return replace(finding, file=document.file, span=span, line=document.line(span.line))


def _locate_in_base(document: Document, finding: Finding, span: Span) -> Finding:
    """A value in a base's file; what a preset says is located where the recipe extends it."""
    if span.file.startswith(PRESET_PREFIX) and (near := document.span(("extends",))) and not near.file:
        message = f"{finding.message} (from {span.file})"
        return replace(finding, message=message, file=document.file, span=near, line=document.line(near.line))
    return replace(finding, file=span.file, span=span, line=document.bases[span.file].line(span.line))
