"""The spec's words for a place in a recipe: its fields, a field's values, and what each means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from qwen_recipes.finding import Route
from qwen_recipes.recipe.field_index import find_section_class
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.section import Section
from qwen_recipes.recipe.spec.short_forms import ShortForm
from qwen_recipes.recipe.value_descriptions import get_value_descriptions


@dataclass(frozen=True)
class Candidate:
    """A key or value that may be written, and what it means, as Markdown. `opens_mapping`: a map follows."""

    text: str
    meaning: str
    opens_mapping: bool = False


def find_field(route: Route) -> FieldInfo | None:
    """The field that a route names, or None where the spec has none."""
    section: type[Section] | None = Recipe
    info: FieldInfo | None = None
    free = False
    for step in route:
        if isinstance(step, int):
            continue
        if free:
            info, free = None, False
            continue
        info = section.model_fields.get(step) if section is not None else None
        section = find_section_class(info.annotation) if info is not None else None
        free = info is not None and _is_dict(info.annotation)
    return info


def list_keys(route: Route) -> list[Candidate]:
    """Keys of the map at a route."""
    if route == ("allow",):
        from qwen_recipes.guards import load_guards

        return [Candidate(guard.code, guard.title) for guard in load_guards()]
    if route == ("backends",):
        return [Candidate(one.name, f"Native keys of {one.title}.", opens_mapping=True) for one in _load_backends()]
    section = _find_section(route)
    return [] if section is None else [_describe_key(name, info) for name, info in section.model_fields.items()]


def list_values(route: Route) -> list[Candidate]:
    """Values of the field at a route: its choices, or what is known to fit, or its example."""
    info = find_field(route)
    if info is None:
        return []
    path = ".".join(str(step) for step in route if isinstance(step, str))
    known = [*_list_choices(info, path), *_list_known_values(path)]
    if known or find_section_class(info.annotation) is not None or not info.examples:
        return known
    return [Candidate(format_value(info.examples[0]), "an example")]


def format_value(value: object) -> str:
    """A value as a recipe writes it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _find_section(route: Route) -> type[Section] | None:
    names = [step for step in route if isinstance(step, str)]
    if not names:
        return Recipe
    if names[0] == "backends":
        info = Recipe.model_fields["backends"]
        return find_section_class(info.annotation) if len(names) == 2 else None
    found = find_field(route)
    return None if found is None else find_section_class(found.annotation)


def _describe_key(name: str, info: FieldInfo) -> Candidate:
    opens = find_section_class(info.annotation) is not None and not list(_iterate_literals(info))
    return Candidate(
        name, info.description or "", opens_mapping=opens and name not in ("model", "train", "validation", "gpu")
    )


def _list_choices(info: FieldInfo, path: str) -> list[Candidate]:
    values = list(dict.fromkeys(_iterate_literals(info)))
    return [Candidate(format_value(value), get_value_descriptions(path, [value]).get(value, "")) for value in values]


def _iterate_literals(info: FieldInfo) -> Iterator[object]:
    yield from _iterate_annotation_values(info.annotation)
    for extra in info.metadata:
        yield from _iterate_annotation_values(extra)


def _iterate_annotation_values(kind: object) -> Iterator[object]:
    """Closed choices of an annotation, short forms among them; not those of the maps in it."""
    if isinstance(kind, ShortForm):
        yield from kind.schema.get("enum", [])
    elif kind is bool:
        yield from (True, False)
    elif get_origin(kind) is Literal:
        yield from get_args(kind)
    elif get_origin(kind) in (Union, UnionType, list) or hasattr(kind, "__metadata__"):
        for inner in get_args(kind):
            yield from _iterate_annotation_values(inner)


def _is_dict(kind: object) -> bool:
    return get_origin(kind) is dict or any(get_origin(inner) is dict for inner in get_args(kind))


def _load_backends() -> list[Any]:
    from qwen_recipes.backends import load_backends

    return load_backends()


def _list_known_values(path: str) -> list[Candidate]:
    """Values that the spec leaves open and that we know facts of."""
    if path in ("hardware.gpu", "hardware.gpu.name"):
        from qwen_recipes.gpus.catalogue import load_gpus

        gpus = load_gpus().values()
        return [Candidate(gpu.name, f"{gpu.memory} GiB, compute capability {gpu.capability}") for gpu in gpus]
    if path in ("model", "model.id"):
        from qwen_recipes.qwen.registry import REGISTRY

        return [Candidate(one.id, f"{one.variant}, up to {one.max_positions:,} tokens") for one in REGISTRY.values()]
    if path == "chat.template":
        from qwen_recipes.resolve.model import OFFICIAL_TEMPLATES

        auto = Candidate("auto", "The official template of this model's variant, or the model's own.")
        return [auto, *(Candidate(name, f"The official template of {name} models.") for name in OFFICIAL_TEMPLATES)]
    return []
