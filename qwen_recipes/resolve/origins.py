"""Where a value that a person wrote stands: which file and line, a preset, or the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import basename

from qwen_recipes.backends.plan import Reason
from qwen_recipes.finding import COMMAND_LINE_SPAN, Span
from qwen_recipes.recipe.composition.presets import PRESET_PREFIX
from qwen_recipes.yaml_text.nodes import Document

SET_IN_RECIPE = "set in the recipe"


def name_origins(document: Document, reasons: Mapping[str, Reason]) -> dict[str, Reason]:
    """The reasons, where a value comes from another place than the recipe's own file with that place."""
    return {path: _name_origin(document, reason) for path, reason in reasons.items()}


def _name_origin(document: Document, reason: Reason) -> Reason:
    if reason.text != SET_IN_RECIPE or not reason.fields:
        return reason
    span = document.span(tuple(reason.fields[0].split(".")))
    if span == COMMAND_LINE_SPAN:
        return replace(reason, text="set by --set")
    if span.file.startswith(PRESET_PREFIX):
        return replace(reason, text=f"set by {span.file}")
    place = f"{basename(span.file)}:{span.line}" if span.file else ""  # noqa: PTH119 - of every value
    if layer := find_layer(document, span):
        return replace(reason, text=f"set by {layer} ({place or f'line {span.line}'})")
    return replace(reason, text=f"set in {place}") if place else reason


def find_layer(document: Document, span: Span) -> str | None:
    """The innermost part of the file, laid over the rest, in which a value stands: `sweep`, `stage dpo`."""
    inside = (
        name
        for name, part in reversed(document.layers)
        if part.file == span.file
        and (part.line, part.column) <= (span.line, span.column)
        and (span.end_line, span.end_column) <= (part.end_line, part.end_column)
    )
    return next(inside, None)
