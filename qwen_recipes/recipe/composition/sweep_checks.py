"""What is wrong with a sweep by itself: fields that there are not, ranges, too many combinations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.composition.sweep_ranges import count_range_values
from qwen_recipes.recipe.spec.sweep import ParameterRange, Sweep
from qwen_recipes.yaml_text.nodes import Document, plain_data

MAX_TRIALS = 1000
"""A sweep has at most so many trials."""
_NOT_SWEPT = {
    "name": "each trial is named after its values",
    "output.dir": "each trial has a folder of its own below the recipe's",
    "output": "each trial has a folder of its own below the recipe's",
    "version": "it is the version of the recipe's format",
    "extends": "it is read before the sweep",
    "sweep": "a sweep holds no sweep",
    "stages": "write the sweep inside a stage",
    "allow": "a guard is suppressed for the whole recipe",
}


def split_field(field: str) -> list[str]:
    """`data.train[0].path` as its steps."""
    return re.sub(r"\[([0-9]+)\]", r".\1", field.strip()).split(".")


def find_sweep_problems(document: Document, spec: Sweep) -> Iterator[Finding]:
    """All that is wrong with a sweep whose shape is right, each at its place."""
    parameters, trials = spec.parameters or {}, spec.trials or {}
    if not parameters and not trials:
        yield _error(
            "a sweep needs `parameters` or `trials`", ("sweep",), "parameters: {training.learning_rate: [5e-5, 1e-4]}"
        )
    if spec.search is not None:
        yield from _check_search(spec)
    for field, values in parameters.items():
        route = ("sweep", "parameters", field)
        yield from _check_field(document, field, route)
        if isinstance(values, ParameterRange):
            yield from _check_range(values, route, is_search=spec.search is not None)
        else:
            yield from _check_repeated(document, values, route)
    for name, fields in trials.items():
        if not fields:
            yield _error(f"trial `{name}` sets nothing", ("sweep", "trials", name), "name the fields that it sets")
        for field in fields:
            yield from _check_field(document, field, ("sweep", "trials", name, field))
    yield from _check_count(spec)


def can_sweep(document: Document, field: str) -> bool:
    """Whether a field is one that a sweep may set."""
    return not any(_check_field(document, field, ()))


def _error(message: str, route: Route, suggestion: str = "", why: str = "") -> Finding:
    return Finding("recipe", "error", message, route, suggestion=suggestion, why=why)


def _check_field(document: Document, field: str, route: Route) -> Iterator[Finding]:
    """A field of the spec, or a native key below `backends`."""
    steps = split_field(field)
    if reason := _NOT_SWEPT.get(".".join(steps)) or _NOT_SWEPT.get(steps[0] if steps[0] != "output" else ""):
        found = _error(f"`{field}` cannot be swept", route, why=reason)
    elif suggestion := _suggest_field(steps):
        found = _error(f"`{field}` is not a field", route, suggestion)
    else:
        return
    yield replace(found, span=document.span(route, key=True))


def _suggest_field(steps: list[str]) -> str:
    """What was probably meant by a field that there is not; empty for one that there is."""
    from qwen_recipes.recipe.field_index import find_field_info

    if steps[0] == "backends" and len(steps) > 2:
        return ""
    names = tuple(step for step in steps if not step.isdecimal())
    if all(find_field_info(names[:length]) is not None for length in range(1, len(names) + 1)):
        return ""
    from qwen_recipes.recipe.field_index import index_fields
    from qwen_recipes.recipe.other_names import FIELDS_BY_NATIVE_KEY
    from qwen_recipes.recipe.suggestions import find_closest_match

    last, known = names[-1], [path for path in index_fields() if "*" not in path and not path.startswith("sweep.")]
    elsewhere = next((path for path in known if path.rpartition(".")[2] == last), None)
    near = FIELDS_BY_NATIVE_KEY.get(last) or elsewhere or find_closest_match(".".join(names), known)
    return f"did you mean `{near}`?" if near else "write a field by its path, e.g. training.learning_rate"


def _check_range(stated: ParameterRange, route: Route, *, is_search: bool) -> Iterator[Finding]:
    example = "{min: 0.05, max: 0.2, step: 0.05}"
    name = route[-1]
    if stated.min is None or stated.max is None:
        missing = "min" if stated.min is None else "max"
        yield _error(f"the range of `{name}` has no `{missing}`", route, example)
        return
    if stated.min >= stated.max:
        yield _error(f"the range of `{name}` is empty: min {stated.min}, max {stated.max}", route, "min below max")
        return
    if stated.log and stated.min <= 0:
        yield _error(
            f"the range of `{name}` cannot be logarithmic: min is {stated.min}", (*route, "min"), "min above 0"
        )
    if stated.step is not None and (stated.count is not None or stated.log):
        other = "count" if stated.count is not None else "log"
        yield _error(f"the range of `{name}` has both `step` and `{other}`", route, "remove one of them")
    if stated.step is None and stated.count is None and not is_search:
        yield _error(
            f"the range of `{name}` has neither `step` nor `count`",
            route,
            example,
            "only a `search` draws from an open range",
        )


def _check_repeated(document: Document, values: list[object], route: Route) -> Iterator[Finding]:
    """A value that is listed twice: two trials would be the same."""
    node = document.find_node(route)
    seen: list[object] = []
    for index, value in enumerate(plain_data(node) if node is not None else values):
        if any(value == one and type(value) is type(one) for one in seen):
            yield _error(f"`{route[-1]}` lists {value!r} twice", (*route, index), "remove one of them")
        seen.append(value)


def _check_search(spec: Sweep) -> Iterator[Finding]:
    if not spec.parameters:
        yield _error(
            "a search needs `parameters`",
            ("sweep", "search"),
            "parameters: {training.learning_rate: {min: 1e-5, max: 1e-3, log: true}}",
        )
    if spec.trials:
        yield _error("a search names its trials itself", ("sweep", "trials"), "remove `trials`, or remove `search`")


def _check_count(spec: Sweep) -> Iterator[Finding]:
    """The number of combinations, told with how it comes about."""
    if spec.search is not None:
        return
    sizes = []
    for values in (spec.parameters or {}).values():
        if isinstance(values, list):
            sizes.append(len(values))
        elif values.min is not None and values.max is not None and values.min < values.max:
            sizes.append(count_range_values(values))
    total = math.prod(sizes) if sizes else 0
    if total + len(spec.trials or {}) > MAX_TRIALS:
        product = f" ({' × '.join(f'{size:,}' for size in sizes)})" if len(sizes) > 1 else ""
        yield _error(
            f"the sweep has {total + len(spec.trials or {}):,} combinations{product}; the maximum is {MAX_TRIALS:,}",
            ("sweep", "parameters") if total else ("sweep", "trials"),
            "list fewer values, or add `search: {trials: 20}`",
        )
