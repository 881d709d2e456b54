"""Every field of a recipe with what the JSON Schema says of it: type, limits, values, example."""

from __future__ import annotations

import json
import re
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
    items = [part for choice in choices if "items" in choice for part in _list_choices(choice["items"], root)]
    values = {
        _format_value(value): words
        for choice in [*choices, *items]
        if len(choice.get("enum", ())) > 1
        for value, words in zip(choice["enum"], choice.get("enumDescriptions", [""] * len(choice["enum"])), strict=True)
    }
    example = node.get("examples", [None])[0]
    return DocumentedField(
        path=path,
        description=node.get("description", ""),
        type=_describe_types(choices, root),
        example=_format_example(path, example),
        read_by=str(node.get("x-read-by", "backend")),
        values=tuple(values.items()),
        required=required,
    )


def _format_example(path: str, example: Any) -> str:
    if example is None:
        return ""
    text = json.dumps(example, ensure_ascii=False)
    return text[1:-1] if isinstance(example, str) and "\\" not in text else text


def _describe_types(choices: list[Schema], root: Schema) -> str:
    """The types that a value may have, in words: `text`, `text, map or list of maps`."""
    words = list(dict.fromkeys(_describe_type(choice, root) for choice in choices))
    words = [one for one in words if one.removeprefix("whole ") not in words or not one.startswith("whole ")]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _describe_type(node: Schema, root: Schema) -> str:
    """One type, with its limits."""
    closed = node.get("enum", [node["const"]] if "const" in node else [])
    if closed:
        return "one of the values below" if len(closed) > 1 else f"`{_format_value(closed[0])}`"
    kind = node.get("type", "value")
    if kind == "array":
        inner = _describe_types(_list_choices(node["items"], root), root)
        return f"list of {_NOUN.sub(lambda match: f'{match[0]}s', inner)}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "map"}
    return words.get(kind, kind) + _describe_limits(node)


_NOUN = re.compile(r"\b(?:text|map|number)\b")


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _describe_limits(node: Schema) -> str:
    """` from 1 to 64`, ` above 0, below 1`; empty where there is no limit."""
    lowest, above, highest, below = (
        f"{int(node[key]) if float(node[key]).is_integer() else node[key]:,}" if key in node else ""
        for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    )
    if lowest and highest:
        return f" from {lowest} to {highest}"
    low = f"from {lowest}" if lowest and below else f"of at least {lowest}" if lowest else above and f"above {above}"
    high = f"at most {highest}" if highest else below and f"below {below}"
    return "".join(f"{', ' if number else ' '}{limit}" for number, limit in enumerate(filter(None, (low, high))))
