"""The spec seen from outside: every field by its dotted path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import get_args, get_origin

from pydantic.fields import FieldInfo

from qwen_recipes.finding import Route
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.section import Section


@dataclass(frozen=True)
class SpecField:
    """A leaf of the spec: `path` is dotted, `read_by` says who consumes it."""

    path: str
    description: str
    example: object
    read_by: str


def find_section_class(annotation: object) -> type[Section] | None:
    """The map that an annotation holds, through unions, lists and validators; None for a plain value."""
    if isinstance(annotation, type) and get_origin(annotation) is None:  # on Python 3.10 `list[str]` is a type too
        return annotation if issubclass(annotation, Section) else None
    for inner in get_args(annotation):
        found = find_section_class(inner)
        if found is not None:
            return found
    return None


_LIST_FIELDS = ("train", "validation", "rewards", "stages")
"""Fields that hold a list of maps."""


_FREE_KEY_FIELDS = ("backends", "parameters")
"""Fields that hold maps under keys of the person's."""


@cache
def index_fields() -> dict[str, SpecField]:
    """Every field that holds a value rather than a map, in the spec's order."""
    return {field.path: field for field in _walk_fields(Recipe, "")}


def _walk_fields(section: type[Section], prefix: str) -> Iterator[SpecField]:
    for name, info in section.model_fields.items():
        inner = find_section_class(info.annotation)
        path = f"{prefix}{name}"
        if inner is None or name in _LIST_FIELDS:
            yield _make_field(path, info)
        if inner is not None:
            dots = f"{path}[]." if name in _LIST_FIELDS else f"{path}."
            if name in _FREE_KEY_FIELDS:
                dots = f"{path}.*."
            if name not in ("validation", "stages"):  # its sources are like those of `train`; no plan has stages
                yield from _walk_fields(inner, dots)


def _make_field(path: str, info: FieldInfo) -> SpecField:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    example = info.examples[0] if info.examples else None
    return SpecField(path, info.description or "", example, str(extra.get("x-read-by", "backend")))


def find_section_at(route: Route) -> type[Section] | None:
    """The map of the spec that `route` leads to; list positions and free keys are stepped over."""
    section: type[Section] | None = Recipe
    for step in route:
        if isinstance(step, int) or section is None:
            continue
        info = section.model_fields.get(step)
        if info is not None:
            section = find_section_class(info.annotation)
    return section


def find_field_info(route: Route) -> FieldInfo | None:
    """The field of the spec that `route` names, or None."""
    names = [step for step in route if isinstance(step, str)]
    if not names:
        return None
    parent = find_section_at(tuple(names[:-1]))
    return parent.model_fields.get(names[-1]) if parent is not None else None
