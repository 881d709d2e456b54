"""TRL's training configs: the dataclasses that the parser of each method's script fills.

SFT's keys stand at the top, those of the other methods in `$defs`.
"""

from __future__ import annotations

import dataclasses
from importlib import import_module

from .annotation_schemas import Schema, enum_schema
from .schema_document import build_dataclass_properties, frame_schema, print_schema

METHODS = ("sft", "dpo", "kto", "reward", "grpo")


def build_schema() -> Schema:
    """The schema; needs TRL and PEFT installed."""
    made = {method: build_method_properties(method) for method in METHODS}
    top = made.pop("sft")
    definitions = {method: {"x-whole": True, "properties": properties} for method, properties in made.items()}
    required = ["model_name_or_path", "output_dir"]
    version = import_module("trl").__version__
    return frame_schema("trl", version, "trl.py", top, required=required, **{"$defs": definitions})


def build_method_properties(method: str) -> Schema:
    """The keys of one method's YAML. TRL checks the `choices` of a field for flags alone, not for a YAML's values."""
    properties: Schema = {"env": {"type": "object"}}
    for cls in import_module(f"trl.scripts.{method}").make_parser(prog="trl").dataclass_types:
        overrides = {**find_choices(cls), "datasets": {"type": "array", "items": build_source_schema()}}
        properties |= build_dataclass_properties(cls, overrides, lambda schema: schema)
    return properties


def build_source_schema() -> Schema:
    """An entry of `datasets`, which is a class of its own."""
    source = import_module("trl.scripts.utils").DatasetConfig
    properties = build_dataclass_properties(source, {}, lambda schema: schema)
    return {"type": "object", "additionalProperties": False, "required": ["path"], "properties": properties}


def find_choices(cls: type) -> dict[str, Schema]:
    """Fields whose values are listed beside them; None where it is their default."""
    found = {}
    for item in dataclasses.fields(cls):
        if choices := item.metadata.get("choices"):
            found[item.name] = enum_schema([*choices, *([None] if item.default is None else [])])
    return found


if __name__ == "__main__":
    print_schema(build_schema)
