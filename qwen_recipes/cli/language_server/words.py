"""The spec's words for a place in a recipe: its fields, a field's values, and what each means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from qwen_recipes.recipe.fields import part_of
from qwen_recipes.recipe.finding import Route
from qwen_recipes.recipe.schema_words import words_for
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.base import Part
from qwen_recipes.recipe.spec.source import AsShort


@dataclass(frozen=True)
class Word:
    """A key or value that may be written, and what it means, as Markdown. `opens`: a map follows."""

    text: str
    meaning: str
    opens: bool = False


def field_at(route: Route) -> FieldInfo | None:
    """The field that a route names, or None where the spec has none."""
    part: type[Part] | None = Recipe
    info: FieldInfo | None = None
    free = False
    for step in route:
        if isinstance(step, int):
            continue
        if free:
            info, free = None, False
            continue
        info = part.model_fields.get(step) if part is not None else None
        part = part_of(info.annotation) if info is not None else None
        free = info is not None and _is_dict(info.annotation)
    return info


def keys_at(route: Route) -> list[Word]:
    """Keys of the map at a route."""
    if route == ("allow",):
        from qwen_recipes.guards import guards

        return [Word(guard.code, guard.title) for guard in guards()]
    if route == ("backends",):
        return [Word(one.name, f"Native keys of {one.title}.", opens=True) for one in _backends()]
    part = _part_at(route)
    return [] if part is None else [_key(name, info) for name, info in part.model_fields.items()]


def values_at(route: Route) -> list[Word]:
    """Values of the field at a route: its choices, or what is known to fit, or its example."""
    info = field_at(route)
    if info is None:
        return []
    path = ".".join(str(step) for step in route if isinstance(step, str))
    known = [*_choices(info, path), *_facts(path)]
    if known or part_of(info.annotation) is not None or not info.examples:
        return known
    return [Word(written(info.examples[0]), "an example")]


def written(value: Any) -> str:
    """A value as a recipe writes it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _part_at(route: Route) -> type[Part] | None:
    names = [step for step in route if isinstance(step, str)]
    if not names:
        return Recipe
    if names[0] == "backends":
        info = Recipe.model_fields["backends"]
        return part_of(info.annotation) if len(names) == 2 else None
    found = field_at(route)
    return None if found is None else part_of(found.annotation)


def _key(name: str, info: FieldInfo) -> Word:
    opens = part_of(info.annotation) is not None and not list(_literals(info))
    return Word(name, info.description or "", opens=opens and name not in ("model", "train", "validation"))


def _choices(info: FieldInfo, path: str) -> list[Word]:
    values = list(dict.fromkeys(_literals(info)))
    return [Word(written(value), words_for(path, [value]).get(value, "")) for value in values]


def _literals(info: FieldInfo) -> Iterator[Any]:
    yield from _values(info.annotation)
    for extra in info.metadata:
        yield from _values(extra)


def _values(kind: Any) -> Iterator[Any]:
    """Closed choices of an annotation, short forms among them; not those of the maps in it."""
    if isinstance(kind, AsShort):
        yield from kind.schema.get("enum", [])
    elif kind is bool:
        yield from (True, False)
    elif get_origin(kind) is Literal:
        yield from get_args(kind)
    elif get_origin(kind) in (Union, UnionType, list) or hasattr(kind, "__metadata__"):
        for inner in get_args(kind):
            yield from _values(inner)


def _is_dict(kind: Any) -> bool:
    return get_origin(kind) is dict or any(get_origin(inner) is dict for inner in get_args(kind))


def _backends() -> list[Any]:
    from qwen_recipes.backends import backends

    return backends()


def _facts(path: str) -> list[Word]:
    """Values that the spec leaves open and that we know facts of."""
    if path == "hardware.gpu":
        from qwen_recipes.estimate.gpus import GPUS

        return [Word(gpu.name, f"{gpu.memory} GiB, compute capability {gpu.capability}") for gpu in GPUS.values()]
    if path in ("model", "model.id"):
        from qwen_recipes.qwen.registry import REGISTRY

        return [Word(one.id, f"{one.variant}, up to {one.max_positions:,} tokens") for one in REGISTRY.values()]
    if path == "chat.template":
        from qwen_recipes.resolve.model import OFFICIAL

        auto = Word("auto", "The official template of this model's variant.")
        return [auto, *(Word(name, f"The official template of {name} models.") for name in OFFICIAL)]
    return []
