"""Where a value that a person wrote stands: which file and line, a preset, or the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from qwen_recipes.backends.plan import Reason
from qwen_recipes.finding import COMMAND_LINE_SPAN
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
    return replace(reason, text=f"set in {Path(span.file).name}:{span.line}") if span.file else reason
