"""LLaMA-Factory's `dataset_info.json`: which keys `DatasetAttr.join` reads, with the types the class gives them."""

from __future__ import annotations

import dataclasses
import typing
from importlib import import_module

from .annotation_schemas import Schema, schema_from_annotation
from .schema_document import frame_schema, print_schema

SOURCES = ("cloud_file_name", "file_name", "hf_hub_url", "ms_hub_url", "om_hub_url", "script_url")
BASIC = ("folder", "formatting", "num_samples", "ranking", "split", "subset")
SET_ELSEWHERE = ("dataset_name", "load_from")


def build_schema() -> Schema:
    """The schema; needs LLaMA-Factory installed. A key that is not read is refused: the framework ignores it."""
    attributes = import_module("llamafactory.data.parser").DatasetAttr
    hints = typing.get_type_hints(attributes)
    fields = {item.name: schema_from_annotation(hints[item.name]) for item in dataclasses.fields(attributes)}
    tags = {name: schema for name, schema in fields.items() if name.endswith("_tag") and name != "kto_tag"}
    elsewhere = {*BASIC, *SET_ELSEWHERE, *tags}
    columns = {name: schema for name, schema in fields.items() if name not in elsewhere}
    entry = {
        **{name: {"type": "string"} for name in SOURCES},
        **{name: fields[name] for name in BASIC},
        "columns": closed_object(columns),
        "tags": closed_object(tags),
    }
    version = import_module("llamafactory.extras.env").VERSION
    one_source = [{"required": [name]} for name in SOURCES]
    made = frame_schema("llamafactory", version, "llamafactory_dataset_info.py", {})
    return {**made, "title": "dataset_info.json", "additionalProperties": {**closed_object(entry), "anyOf": one_source}}


def closed_object(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


if __name__ == "__main__":
    print_schema(build_schema)
