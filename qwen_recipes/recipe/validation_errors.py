"""What is wrong with a document, by the spec's models: every problem at once, each at its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from qwen_recipes.errors import join_alternatives
from qwen_recipes.finding import MAX_FINDINGS, Finding, RecipeError, Route, format_route
from qwen_recipes.recipe.field_index import find_field_info, find_section_at
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.names import suggest_name
from qwen_recipes.recipe.other_units import suggest_other_unit
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.text_forms import DESCRIPTIONS
from qwen_recipes.recipe.spec.validator import validate_recipe
from qwen_recipes.recipe.suggestions import find_meant_value, suggest_for_unknown_key
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence, get_child

_MAX_PYDANTIC_ERRORS = 5 * MAX_FINDINGS
"""So many of pydantic's errors are looked at: several may speak of one place."""
_MAX_NAMED_CHOICES = 4
"""Values that a suggestion lists; where there are more, it has an example."""
_YAML_1_1_BOOLEANS = {"yes", "no", "on", "off", "Yes", "No", "On", "Off"}


def validate_or_explain(document: Document, data: object) -> Recipe:
    """The recipe, where text as written was meant; else RecipeError with every problem of the file."""
    empty = list(_find_empty_values(document.root, ()))
    try:
        recipe = _validate_with_text(document, data)
    except ValidationError as error:
        empty_routes = {finding.route for finding in empty}
        found = [f for f in _make_findings(document, error) if f.route not in empty_routes]
        raise RecipeError([locate_finding(document, f) for f in [*empty[:_MAX_PYDANTIC_ERRORS], *found]]) from None
    if empty:
        raise RecipeError([locate_finding(document, f) for f in empty[:_MAX_PYDANTIC_ERRORS]])
    return recipe


def _find_empty_values(node: Node, route: Route) -> list[Finding]:
    """Keys with nothing behind them, which YAML calls null and people never mean."""
    found: list[Finding] = []
    if route[:1] == ("backends",) and len(route) > 3:
        return found
    if isinstance(node, Scalar) and node.value is None:
        name = format_route(route)
        found.append(
            Finding(
                "recipe", "error", f"`{name}` has no value", route, suggestion="give it a value, or remove the line"
            )
        )
    elif isinstance(node, Mapping):
        for name, child in node.entries.items():
            found += _find_empty_values(child, (*route, name))
    elif isinstance(node, Sequence):
        for index, child in enumerate(node.items):
            found += _find_empty_values(child, (*route, index))
    return found


def _validate_with_text(document: Document, data: object) -> Recipe:
    """Validate; where text is wanted and a bare `1e4` or `true` stands, the text as written is what was meant."""
    try:
        return validate_recipe(data)
    except ValidationError as error:
        changed, kinds = False, dict[Route, set[str]]()
        for problem in error.errors(include_url=False, include_context=False):
            kinds.setdefault(_make_route(document, problem["loc"]), set()).add(problem["type"])
        for route, found in kinds.items():
            node = document.find_node(route)
            if found == {"string_type"} and isinstance(node, Scalar) and node.plain and node.raw:
                changed |= _set_value(data, route, node.raw)
        if not changed:
            raise
    return validate_recipe(data)


def _set_value(data: Any, route: Route, value: str) -> bool:
    for step in route[:-1]:
        data = data[step]
    data[route[-1]] = value
    return True


def _make_route(document: Document, loc: tuple[str | int, ...]) -> Route:
    """Pydantic's location without the names of union members, as far as the file goes."""
    node: Node = document.root
    route: Route = ()
    for step in loc:
        inner = get_child(node, step)
        if inner is not None:
            node, route = inner, (*route, step)
    return route


def _make_findings(document: Document, error: ValidationError) -> list[Finding]:
    by_place: dict[Route, list[ErrorDetails]] = {}
    findings = []
    for problem in error.errors(include_url=False)[:_MAX_PYDANTIC_ERRORS]:
        kind, loc = problem["type"], problem["loc"]
        if kind == "extra_forbidden":
            findings.append(_make_unknown_key_finding(document, _make_route(document, loc)))
        elif loc[-1] == "[key]":
            why = _describe_requirement(problem)
            findings.append(_make_invalid_key_finding(document, _make_route(document, loc), why))
        elif kind == "missing":
            findings.append(_make_missing_field_finding(document, loc))
        else:
            by_place.setdefault(_make_route(document, loc), []).append(problem)
    routes = [*by_place, *(finding.route for finding in findings)]
    inner = {r[:length] for r in routes for length in range(len(r))} | {f.route for f in findings}
    return findings + [
        _make_invalid_value_finding(document, route, found) for route, found in by_place.items() if route not in inner
    ]


def _make_unknown_key_finding(document: Document, route: Route) -> Finding:
    parent = find_section_at(route[:-1])
    siblings = list(parent.model_fields) if parent is not None else []
    key = str(route[-1])
    instead = suggest_for_unknown_key(key, siblings, format_route(route[:-1]))
    where = f" under `{format_route(route[:-1])}`" if len(route) > 1 else ""
    finding = Finding("recipe", "error", f"`{key}` is not a field{where}", route, suggestion=instead)
    return replace(finding, span=document.span(route, key=True))


def _make_invalid_key_finding(document: Document, route: Route, why: str) -> Finding:
    if route[:2] == ("sweep", "trials"):
        why = "names of trials consist of letters, digits, `.`, `-` and `_`, at most 60"
    finding = Finding(
        "recipe", "error", f"`{route[-1]}` is not allowed under `{format_route(route[:-1])}`", route, why=why
    )
    return replace(finding, span=document.span(route, key=True))


def _make_missing_field_finding(document: Document, loc: tuple[str | int, ...]) -> Finding:
    route = _make_route(document, loc)
    name = format_route((*route, loc[-1]))
    info = find_field_info((*route, loc[-1]))
    example = f"e.g. `{loc[-1]}: {_format_example(info.examples[0])}`" if info and info.examples else ""
    finding = Finding("recipe", "error", f"`{name}` is missing", route, suggestion=example)
    return replace(finding, span=document.span(route, key=True)) if route else finding


def _make_invalid_value_finding(document: Document, route: Route, problems: list[ErrorDetails]) -> Finding:
    node = document.find_node(route)
    message = f"invalid value for `{format_route(route)}`: {_describe_node(node)}"
    wanted = list(dict.fromkeys(_describe_requirement(problem) for problem in problems))
    why = "; or ".join(text for text in wanted if text)
    return Finding("recipe", "error", message, route, why=why, suggestion=_suggest_value(route, node, problems))


def _describe_node(node: Node | None) -> str:
    if isinstance(node, Scalar):
        return repr(node.raw) if isinstance(node.value, str) else node.raw
    if isinstance(node, Sequence):
        return "a list" if node.items else "an empty list"
    return "a map"


def _describe_requirement(problem: ErrorDetails) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("literal_error", "enum"):
        choices = _list_choices(problem)
        return f"expected {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"
    names = {
        "int_type": "expected a whole number",
        "int_from_float": "expected a whole number",
        "float_type": "expected a number",
        "bool_type": "expected true or false",
        "string_type": "expected text",
        "string_pattern_mismatch": f"expected {DESCRIPTIONS.get(context.get('pattern', ''), 'another form')}",
        "string_too_short": _describe_min_length(context.get("min_length", 1)),
        "list_type": "expected a list",
        "too_short": f"expected a list with at least {_format_items(context.get('min_length', 1))}",
        "too_long": f"expected a list with at most {_format_items(context.get('max_length', 1))}",
        "model_type": "expected a map of keys and values",
        "dict_type": "expected a map of keys and values",
        "greater_than": f"must be more than {context.get('gt')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than": f"must be less than {context.get('lt')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "finite_number": "must be finite",
    }
    return names.get(kind) or str(problem["msg"])[:1].lower() + str(problem["msg"])[1:]


def _list_choices(problem: ErrorDetails) -> list[str]:
    """The values that a field with a fixed set of them takes, quoted where they are text; empty for other problems."""
    expected: str = problem.get("ctx", {}).get("expected", "")
    return expected.replace(" or ", ", ").split(", ")


def _describe_min_length(count: int) -> str:
    return "must not be empty" if count == 1 else f"must have at least {count} characters"


def _format_items(count: int) -> str:
    return "one item" if count == 1 else f"{count} items"


def _suggest_value(route: Route, node: Node | None, problems: list[ErrorDetails]) -> str:
    kinds = {problem["type"] for problem in problems}
    if isinstance(node, Scalar):
        if "bool_type" in kinds and node.raw in _YAML_1_1_BOOLEANS:
            return f"write {'true' if node.raw.lower() in ('yes', 'on') else 'false'}"
        if not node.plain and kinds & {"int_type", "float_type", "bool_type"}:
            return f"write {node.raw} without quotes"
        choices = [word.strip("' ") for problem in problems for word in _list_choices(problem)]
        slip = find_meant_value(node.raw, choices) if "literal_error" in kinds else None
        if slip:
            return f"did you mean `{slip}`?"
        if kinds == {"literal_error"} and 1 < len(choices) <= _MAX_NAMED_CHOICES:
            return f"write {join_alternatives([f'`{choice}`' for choice in choices])}"
    if route == ("name",) and isinstance(node, Scalar):
        return f"e.g. `name: {suggest_name(node.raw)}`"
    info = find_field_info(route)
    if isinstance(node, Scalar) and (other := suggest_other_unit(route, node.raw, _takes_share(info))):
        return other
    name = next((step for step in reversed(route) if isinstance(step, str)), "")
    return f"e.g. `{name}: {_format_example(info.examples[0])}`" if info and info.examples else ""


def _takes_share(info: FieldInfo | None) -> bool:
    """Whether a field takes a number between 0 and 1, by its example."""
    example = info.examples[0] if info and info.examples else None
    return isinstance(example, float) and 0.001 <= example < 1


def _format_example(example: object) -> str:
    import json

    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
