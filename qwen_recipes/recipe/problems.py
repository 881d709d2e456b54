"""What is wrong with a document, by the spec's models: every problem at once, each at its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from qwen_recipes.recipe import parts, spec
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.fields import info_at, part_at
from qwen_recipes.recipe.finding import MAX_PROBLEMS, Finding, RecipeError, Route, dotted
from qwen_recipes.recipe.nodes import Document, Mapping, Node, Scalar, Sequence, step_into
from qwen_recipes.recipe.plain import plain
from qwen_recipes.recipe.words import advice_for_key, nearest

_MOST = 5 * MAX_PROBLEMS
"""So many of pydantic's errors are looked at: several may speak of one place."""
_SWITCH_WORDS = {"yes", "no", "on", "off", "Yes", "No", "On", "Off"}


def explained(document: Document, data: Any) -> parts.Recipe:
    """The recipe, where text as written was meant; else RecipeError with every problem of the file."""
    empty = list(_empty_values(document.root, ()))
    try:
        recipe = _validate_with_text(document, data)
    except ValidationError as error:
        empty_routes = {finding.route for finding in empty}
        found = [f for f in _findings(document, error) if f.route not in empty_routes]
        raise RecipeError([locate(document, f) for f in [*empty[:_MOST], *found]]) from None
    if empty:
        raise RecipeError([locate(document, f) for f in empty[:_MOST]])
    return plain(recipe)


def _empty_values(node: Node, route: Route) -> list[Finding]:
    """Keys with nothing behind them, which YAML calls null and people never mean."""
    found: list[Finding] = []
    if route[:1] == ("backends",) and len(route) > 3:
        return found
    if isinstance(node, Scalar) and node.value is None:
        name = dotted(route)
        found.append(
            Finding("recipe", "error", f"`{name}` has no value", route, instead="give it one or remove the line")
        )
    elif isinstance(node, Mapping):
        for name, child in node.entries.items():
            found += _empty_values(child, (*route, name))
    elif isinstance(node, Sequence):
        for index, child in enumerate(node.items):
            found += _empty_values(child, (*route, index))
    return found


def _validate_with_text(document: Document, data: Any) -> spec.Recipe:
    """Validate; where text is wanted and a bare `1e4` or `true` stands, the text as written is what was meant."""
    try:
        return spec.Recipe.model_validate(data)
    except ValidationError as error:
        changed, kinds = False, dict[Route, set[str]]()
        for problem in error.errors(include_url=False, include_context=False):
            kinds.setdefault(_route(document, problem["loc"]), set()).add(problem["type"])
        for route, found in kinds.items():
            node = document.node(route)
            if found == {"string_type"} and isinstance(node, Scalar) and node.plain and node.raw:
                changed |= _put(data, route, node.raw)
        if not changed:
            raise
    return spec.Recipe.model_validate(data)


def _put(data: Any, route: Route, value: str) -> bool:
    for step in route[:-1]:
        data = data[step]
    data[route[-1]] = value
    return True


def _route(document: Document, loc: tuple[str | int, ...]) -> Route:
    """Pydantic's location without the names of union members, as far as the file goes."""
    node: Node = document.root
    route: Route = ()
    for step in loc:
        inner = step_into(node, step)
        if inner is not None:
            node, route = inner, (*route, step)
    return route


def _findings(document: Document, error: ValidationError) -> list[Finding]:
    by_place: dict[Route, list[dict[str, Any]]] = {}
    findings = []
    for problem in error.errors(include_url=False)[:_MOST]:
        kind, loc = problem["type"], problem["loc"]
        if kind == "extra_forbidden":
            findings.append(_unknown_key(document, _route(document, loc)))
        elif loc[-1] == "[key]":
            findings.append(_wrong_key(document, _route(document, loc), problem["msg"]))
        elif kind == "missing":
            findings.append(_missing(document, loc))
        else:
            by_place.setdefault(_route(document, loc), []).append(dict(problem))
    routes = [*by_place, *(finding.route for finding in findings)]
    inner = {r[:length] for r in routes for length in range(len(r))} | {f.route for f in findings}
    return findings + [_wrong(document, route, found) for route, found in by_place.items() if route not in inner]


def _unknown_key(document: Document, route: Route) -> Finding:
    parent = part_at(route[:-1])
    siblings = list(parent.model_fields) if parent is not None else []
    key = str(route[-1])
    instead = advice_for_key(key, siblings, dotted(route[:-1]))
    where = f" under `{dotted(route[:-1])}`" if len(route) > 1 else ""
    finding = Finding("recipe", "error", f"`{key}` is not a field{where}", route, instead=instead)
    return replace(finding, span=document.span(route, key=True))


def _wrong_key(document: Document, route: Route, message: str) -> Finding:
    why = message[:1].lower() + message[1:]
    finding = Finding("recipe", "error", f"`{route[-1]}` can't stand under `{dotted(route[:-1])}`", route, why=why)
    return replace(finding, span=document.span(route, key=True))


def _missing(document: Document, loc: tuple[str | int, ...]) -> Finding:
    route = _route(document, loc)
    name = dotted((*route, loc[-1]))
    info = info_at((*route, loc[-1]))
    example = f"for example `{loc[-1]}: {_shown(info.examples[0])}`" if info and info.examples else ""
    finding = Finding("recipe", "error", f"`{name}` is missing", route, instead=example)
    return replace(finding, span=document.span(route, key=True)) if route else finding


def _wrong(document: Document, route: Route, problems: list[dict[str, Any]]) -> Finding:
    node = document.node(route)
    message = f"`{dotted(route)}` can't be {_what(node)}"
    wanted = list(dict.fromkeys(_wanted(problem) for problem in problems))
    why = "; or ".join(text for text in wanted if text)
    return Finding("recipe", "error", message, route, why=why, instead=_advice(route, node, problems))


def _what(node: Node | None) -> str:
    if isinstance(node, Scalar):
        return repr(node.raw)
    if isinstance(node, Sequence):
        return "a list" if node.items else "an empty list"
    return "a map"


def _wanted(problem: dict[str, Any]) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return f"it is one of {context.get('expected', '').replace(' or ', ', ')}"
    names = {
        "int_type": "a whole number is wanted",
        "int_from_float": "a whole number is wanted",
        "float_type": "a number is wanted",
        "bool_type": "true or false is wanted",
        "string_type": "text is wanted",
        "list_type": "a list is wanted",
        "too_short": "a list of at least one is wanted",
        "model_type": "a map of keys and values is wanted",
        "dict_type": "a map of keys and values is wanted",
        "greater_than": f"it must be more than {context.get('gt')}",
        "greater_than_equal": f"it must be at least {context.get('ge')}",
        "less_than": f"it must be less than {context.get('lt')}",
        "less_than_equal": f"it must be at most {context.get('le')}",
        "finite_number": "it must be finite",
    }
    return names.get(kind) or str(problem["msg"])[:1].lower() + str(problem["msg"])[1:]


def _advice(route: Route, node: Node | None, problems: list[dict[str, Any]]) -> str:
    kinds = {problem["type"] for problem in problems}
    if isinstance(node, Scalar):
        if "bool_type" in kinds and node.raw in _SWITCH_WORDS:
            return f"write {'true' if node.raw.lower() in ('yes', 'on') else 'false'}"
        if not node.plain and kinds & {"int_type", "float_type", "bool_type"}:
            return f"write {node.raw} without quotes"
        choices = [w.strip("' ") for p in problems for w in _wanted(p).removeprefix("it is one of ").split(",")]
        slip = nearest(node.raw, choices) if "literal_error" in kinds else None
        if slip:
            return f"did you mean `{slip}`?"
    info = info_at(route)
    name = next((step for step in reversed(route) if isinstance(step, str)), "")
    return f"for example `{name}: {_shown(info.examples[0])}`" if info and info.examples else ""


def _shown(example: Any) -> str:
    import json

    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
