"""The recipe's JSON Schema, for editors and for whoever checks recipes without us."""

from __future__ import annotations

from typing import Any, Literal

from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.short_forms import JsonSchema
from qwen_recipes.recipe.value_descriptions import get_value_descriptions

Draft = Literal["2020-12", "draft-07"]
SCHEMA_FILES: dict[Draft, str] = {"2020-12": "recipe.schema.json", "draft-07": "recipe.draft-07.schema.json"}
"""Each draft's file in `schemas/`, which is its `$id` too."""
_META_SCHEMAS: dict[Draft, str] = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft-07": "http://json-schema.org/draft-07/schema#",
}


def build_recipe_schema(draft: Draft = "2020-12") -> JsonSchema:
    """JSON Schema of a recipe, from the models.

    Closed choices carry `enumDescriptions`, and what holds Markdown a `markdown…` twin: annotations that editors show
    and validators pass over.
    """
    schema: JsonSchema = _let_stages_override(_remove_nulls(Recipe.model_json_schema()))
    schema = _allow_missing_in_extended(schema)
    schema = _add_markdown_descriptions(_describe_choices(schema, schema, "", set()))
    if draft == "draft-07":
        schema = _convert_to_draft_07(schema)
    head = {"$schema": _META_SCHEMAS[draft], "$id": SCHEMA_FILES[draft], "title": "qwen-recipes recipe"}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def _allow_missing_in_extended(schema: JsonSchema) -> JsonSchema:
    """A recipe that extends others may have from them what it must have; so may one with stages from each of them."""
    ways = [{"required": schema["required"]}, {"required": ["extends"]}, {"required": ["version", "stages"]}]
    return {**schema, "required": [], "anyOf": ways}


def _let_stages_override(schema: JsonSchema) -> JsonSchema:
    """A stage has, beside its own fields, those of the recipe that it overrides."""
    own, data = schema["$defs"]["Stage"], schema["$defs"]["Data"]
    parts = {"StageData": {**data, "required": []}}
    common = {key: node for key, node in schema["properties"].items() if key not in _PIPELINE_FIELDS}
    common["data"] = {**common["data"], "$ref": "#/$defs/StageData"}
    parts["Stage"] = {**own, "properties": {**own["properties"], **common}}
    return {**schema, "$defs": {**schema["$defs"], **parts}}


_PIPELINE_FIELDS = ("version", "name", "extends", "stages")
"""Fields of the file as a whole."""


def _remove_nulls(node: object) -> Any:
    """Left out is how a recipe says nothing: null is not a value, and generated titles say nothing new."""
    if isinstance(node, list):
        return [_remove_nulls(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {k: _remove_nulls(v) for k, v in node.items() if not _is_noise(k, v)}
    choices = kept.get("anyOf")
    if isinstance(choices, list):
        kept["anyOf"] = [choice for choice in choices if choice != {"type": "null"}]
        if len(kept["anyOf"]) == 1:
            kept = {**kept.pop("anyOf")[0], **kept}
    return kept


def _is_noise(key: str, value: object) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _describe_choices(node: JsonSchema, root: JsonSchema, path: str, seen: set[str]) -> JsonSchema:
    """The schema at `path` with a line for each value of a closed choice; parts it refers to change in `root`."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            root["$defs"][name] = _describe_choices(root["$defs"][name], root, path, seen)
        return node
    made = dict(node)
    for key in ("anyOf", "allOf"):
        if key in node:
            made[key] = [_describe_choices(choice, root, path, seen) for choice in node[key]]
    if isinstance(node.get("items"), dict):
        made["items"] = _describe_choices(node["items"], root, f"{path}[]", seen)
    if isinstance(node.get("additionalProperties"), dict):
        made["additionalProperties"] = _describe_choices(node["additionalProperties"], root, f"{path}.*", seen)
    if "patternProperties" in node:
        made.setdefault("additionalProperties", False)  # pydantic leaves other keys open
    if "properties" in node:
        dot = f"{path}." if path else ""
        inner = {
            name: _describe_choices(value, root, f"{dot}{name}", seen) for name, value in node["properties"].items()
        }
        made["properties"] = inner
    return _add_enum_descriptions(made, path)


def _add_enum_descriptions(node: JsonSchema, path: str) -> JsonSchema:
    """`const` becomes an `enum` of one, for which editors show a description as well."""
    values = node.get("enum", [node["const"]] if "const" in node else [])
    words = get_value_descriptions(path, values)
    if not words:
        return node
    kept = {key: value for key, value in node.items() if key != "const"}
    return {**kept, "enum": values, "enumDescriptions": [words.get(value, "") for value in values]}


def _add_markdown_descriptions(node: object) -> Any:
    """Descriptions with backticks a second time, under the keys whose Markdown editors render."""
    if isinstance(node, list):
        return [_add_markdown_descriptions(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _add_markdown_descriptions(value) for key, value in node.items()}
    for key, twin in (("description", "markdownDescription"), ("enumDescriptions", "markdownEnumDescriptions")):
        said = node.get(key)
        if isinstance(said, (str, list)) and "`" in "".join(said):
            made[twin] = said
    return made


def _convert_to_draft_07(node: object, *, is_name_map: bool = False) -> Any:
    """`definitions` for `$defs`, references alone (draft-07 overlooks what is beside them), and no keyword of ours.

    `is_name_map` says that the map's keys are names of fields or definitions, not keywords.
    """
    if isinstance(node, list):
        return [_convert_to_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    if is_name_map:
        return {key: _convert_to_draft_07(value) for key, value in node.items()}
    kept: JsonSchema = {}
    for key, value in node.items():
        if key in ("examples", "enum", "const", "default"):
            kept[key] = value
        elif not key.startswith("x-"):
            new = "definitions" if key == "$defs" else key
            kept[new] = _convert_to_draft_07(value, is_name_map=key in ("$defs", "properties", "patternProperties"))
    if "$ref" in kept:
        target = {"$ref": kept.pop("$ref").replace("#/$defs/", "#/definitions/")}
        return {**kept, "allOf": [target]} if kept else target
    return kept
