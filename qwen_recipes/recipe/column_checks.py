"""What a source says of its rows' columns, roles and prompts."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.objective_formats import COLUMNS_BY_FORMAT, FORMATS_BY_OBJECTIVE
from qwen_recipes.recipe.spec.model_and_data import Source
from qwen_recipes.recipe.suggestions import find_closest_match


def check_reading(source: Source, route: Route, objective_type: str) -> Iterator[Finding]:
    """Names of columns that no layout has, and fields that these rows have no use for."""
    formats = (source.format,) if source.format else FORMATS_BY_OBJECTIVE[objective_type]
    if "prompt" not in formats:
        known = list(dict.fromkeys(name for one in formats for name in COLUMNS_BY_FORMAT[one]))
        for name in source.columns or {}:
            if name not in known:
                yield _explain_unknown(name, known, (*route, "columns", name), " or ".join(formats))
    if source.prompt_style == "alpaca" and not {"alpaca", "preference", "kto"} & set(formats):
        message = f"`prompt_style` applies to `instruction` and `input`, which the layout {formats[0]} does not have"
        yield Finding("recipe", "error", message, (*route, "prompt_style"), suggestion="remove it")
    if source.encoding and source.hub:
        message = "`encoding` applies to files, not to data sets on the hub"
        yield Finding("recipe", "error", message, (*route, "encoding"), suggestion="remove it")


def _explain_unknown(name: str, known: list[str], route: Route, formats: str) -> Finding:
    near = find_closest_match(name, known)
    suggestion = f"did you mean `{near}`?" if near else "known here: " + ", ".join(known)
    message = f"unknown column `{name}` for {formats}"
    why = "map expected names to the names in the data: `columns: {messages: conversation}`"
    return Finding("recipe", "error", message, route, why=why, suggestion=suggestion)
