"""Every field of a recipe with what the JSON Schema says of it: type, limits, values, example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qwen_recipes.recipe.schema import build_recipe_schema
from qwen_recipes.recipe.spec.stages import Stage

Schema = dict[str, Any]


@dataclass(frozen=True)
class DocumentedField:
    """A field by its dotted path; `values` are a closed choice's, each with a line about it."""

    path: str
    description: str
    type: str
    example: str
    read_by: str
    values: tuple[tuple[str, str], ...] = ()
    required: bool = False

    @property
    def section(self) -> str:
        """The recipe's top-level field that it belongs to."""
        return self.path.split(".")[0].removesuffix("[]")


def list_documented_fields() -> list[DocumentedField]:
    """Every field, in the recipe's order; maps come before the fields in them."""
    root = build_recipe_schema()
    return list(_walk_properties(root, root, ""))


def _walk_properties(node: Schema, root: Schema, prefix: str) -> Iterator[DocumentedField]:
    choices = node.get("anyOf", [{}])  # at the top: all that is required, or `extends`
    required = node.get("required") or choices[0].get("required", [])
    for name, value in node["properties"].items():
        if prefix == "stages[]." and name not in Stage.model_fields:
            continue  # a field of the recipe, which the stage overrides
        path = f"{prefix}{name}"
        yield _document_field(path, value, root, required=name in required)
        inner = _find_map(value, root)
        if inner is not None and path != "data.validation":  # its sources are like those of `data.train`
            yield from _walk_properties(inner[0], root, f"{path}{inner[1]}.")


def _resolve_reference(node: Schema, root: Schema) -> Schema:
    name = node.get("$ref", "").rpartition("/")[2]
    return {**root["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}} if name else node


def _list_choices(node: Schema, root: Schema) -> list[Schema]:
    node = _resolve_reference(node, root)
    inner = node.get("anyOf") or node.get("allOf")
    return [part for choice in inner for part in _list_choices(choice, root)] if inner else [node]


def _find_map(node: Schema, root: Schema) -> tuple[Schema, str] | None:
    """The map that a field holds, and how its path goes on: `[]` for a list of maps, `.*` for a map of any keys."""
    choices = _list_choices(node, root)
    inner = [
        (part, "[]") for c in choices if isinstance(c.get("items"), dict) for part in _list_choices(c["items"], root)
    ]
    inner += [(choice, "") for choice in choices]
    for choice in choices:
        if isinstance(more := choice.get("additionalProperties"), dict):
            inner += [(part, ".*") for part in _list_choices(more, root)]
    return next(((part, step) for part, step in inner if "properties" in part), None)


def _document_field(path: str, node: Schema, root: Schema, *, required: bool) -> DocumentedField:
    choices = _list_choices(node, root)
    types = dict.fromkeys(_describe_type(choice, root) for choice in choices)
    values = tuple(
        (json.dumps(value) if not isinstance(value, str) else value, words)
        for choice in choices
        if "enum" in choice
        for value, words in zip(choice["enum"], choice.get("enumDescriptions", [""] * len(choice["enum"])), strict=True)
    )
    example = node.get("examples", [None])[0]
    return DocumentedField(
        path=path,
        description=node.get("description", ""),
        type=" or ".join(types),
        example=_format_example(path, example),
        read_by=str(node.get("x-read-by", "backend")),
        values=values,
        required=required,
    )


def _format_example(path: str, example: Any) -> str:
    if example is None:
        return ""
    text = json.dumps(example, ensure_ascii=False)
    return text[1:-1] if isinstance(example, str) and "\\" not in text else text


def _describe_type(node: Schema, root: Schema) -> str:
    """A type in words, with its limits."""
    if "enum" in node or "const" in node:
        return "one of the values below" if len(node.get("enum", [])) > 1 else "one value"
    kind = node.get("type", "value")
    if kind == "array":
        inner = " or ".join(dict.fromkeys(_describe_type(part, root) for part in _list_choices(node["items"], root)))
        many = " or more" if node.get("minItems") == 1 else ""
        return f"list of {inner}" if not many else f"list of one or more: {inner}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "object": "map",
    }
    return ", ".join([words.get(kind, kind), *_describe_limits(node)])


def _describe_limits(node: Schema) -> Iterator[str]:
    names = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    for key, words in names.items():
        if key in node:
            yield f"{words} {node[key]:,}" if isinstance(node[key], int) else f"{words} {node[key]:g}"
