"""A Python annotation as JSON Schema, with keywords that draft-07 and 2020-12 share. Standard library only."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
Nested = Callable[[type], Schema]

PLAIN: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    type(None): {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    typing.Any: {},
}
BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}


def schema_from_annotation(annotation: Any, nested: Nested | None = None) -> Schema | None:
    """The schema of `annotation`; None for a class that no YAML value can be.

    `nested` says what a class with fields of its own becomes, where the framework has such classes.
    """
    if annotation in PLAIN:
        return dict(PLAIN[annotation])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        inner = schema_from_annotation(arguments[0], nested) or {}
        return add_bounds(inner, arguments[1:])
    if origin is typing.Literal:
        return enum_schema(arguments)
    if origin in (typing.Union, types.UnionType):
        return union_schema(schema_from_annotation(part, nested) for part in arguments)
    if origin in (list, set, tuple, dict):
        return container_schema(origin, arguments, nested)
    return class_schema(annotation, nested)


def class_schema(annotation: Any, nested: Nested | None) -> Schema | None:
    if not isinstance(annotation, type):
        return {}
    if issubclass(annotation, enum.Enum):
        return enum_schema(member_value(member) for member in annotation)
    if nested is not None and hasattr(annotation, "model_fields"):
        return nested(annotation)
    return None


def member_value(member: enum.Enum) -> Any:
    return member.value if isinstance(member.value, (str, int, float, bool)) else member.name


def container_schema(origin: Any, arguments: tuple[Any, ...], nested: Nested | None) -> Schema:
    if origin is dict:
        values = schema_from_annotation(arguments[1], nested) if len(arguments) == 2 else None
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    parts = [part for part in arguments if part is not Ellipsis]
    items = union_schema(schema_from_annotation(part, nested) for part in parts)
    return {"type": "array", "items": items} if items else {"type": "array"}


def enum_schema(values: Iterable[Any]) -> Schema:
    unique = {(type(value).__name__, value) for value in values}
    return {"enum": [value for _, value in sorted(unique, key=lambda pair: (pair[0], str(pair[1])))]}


def union_schema(parts: Iterable[Schema | None]) -> Schema:
    """One schema for "any of these", as short as it can be said."""
    kinds: list[str] = []
    values: list[Any] = []
    rest: list[Schema] = []
    for part in parts:
        if part is None:
            continue
        if not part:
            return {}
        if set(part) == {"type"}:
            kinds += [part["type"]] if isinstance(part["type"], str) else part["type"]
        elif set(part) == {"enum"}:
            values += part["enum"]
        elif part not in rest:
            rest += part["anyOf"] if set(part) == {"anyOf"} else [part]
    return join_options(kinds, values, rest)


def join_options(kinds: list[str], values: list[Any], rest: list[Schema]) -> Schema:
    if "number" in kinds:
        kinds = [kind for kind in kinds if kind != "integer"]
    if values and kinds == ["null"]:
        kinds, values = [], [*values, None]
    options = list(rest)
    if values:
        options.append(enum_schema(values))
    if kinds:
        unique = sorted(set(kinds))
        options.append({"type": unique[0] if len(unique) == 1 else unique})
    return options[0] if len(options) == 1 else {"anyOf": options}


def add_bounds(schema: Schema, marks: Iterable[Any]) -> Schema:
    """`schema` with the bounds that `marks` (annotated-types and pydantic constraints) put on a value."""
    found = {
        word: limit
        for mark in marks
        for name, word in BOUNDS.items()
        if (limit := getattr(mark, name, None)) is not None
    }
    least = next((mark.min_length for mark in marks if getattr(mark, "min_length", None) is not None), None)
    if least is not None:
        found["minItems" if schema.get("type") == "array" else "minLength"] = least
    return bound_non_null(schema, found) if found else schema


def bound_non_null(schema: Schema, bounds: Schema) -> Schema:
    """The bounds on the part of a union that is not null."""
    if "anyOf" in schema:
        return {"anyOf": [part if part == {"type": "null"} else {**part, **bounds} for part in schema["anyOf"]]}
    return {**schema, **bounds}


def remove_null(schema: Schema) -> Schema:
    """The same schema where null is not a value."""
    if "anyOf" in schema:
        return union_schema(remove_null(part) for part in schema["anyOf"] if part != {"type": "null"})
    if isinstance(schema.get("type"), list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        return {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}
    if "enum" in schema:
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema
