"""LLaMA-Factory's `dataset_info.json`: which keys `DatasetAttr.join` reads, with the types the class gives them."""

from __future__ import annotations

import dataclasses
import typing
from importlib import import_module

from .annotations import Schema, schema_of
from .document import document, print_schema

SOURCES = ("cloud_file_name", "file_name", "hf_hub_url", "ms_hub_url", "om_hub_url", "script_url")
BASIC = ("folder", "formatting", "num_samples", "ranking", "split", "subset")
SET_ELSEWHERE = ("dataset_name", "load_from")


def make() -> Schema:
    """The schema; needs LLaMA-Factory installed. A key that is not read is refused: the framework ignores it."""
    attributes = import_module("llamafactory.data.parser").DatasetAttr
    hints = typing.get_type_hints(attributes)
    fields = {item.name: schema_of(hints[item.name]) for item in dataclasses.fields(attributes)}
    tags = {name: schema for name, schema in fields.items() if name.endswith("_tag") and name != "kto_tag"}
    elsewhere = {*BASIC, *SET_ELSEWHERE, *tags}
    columns = {name: schema for name, schema in fields.items() if name not in elsewhere}
    entry = {
        **{name: {"type": "string"} for name in SOURCES},
        **{name: fields[name] for name in BASIC},
        "columns": closed(columns),
        "tags": closed(tags),
    }
    version = import_module("llamafactory.extras.env").VERSION
    one_source = [{"required": [name]} for name in SOURCES]
    made = document("llamafactory", version, "llamafactory_dataset_info.py", {})
    return {**made, "title": "dataset_info.json", "additionalProperties": {**closed(entry), "anyOf": one_source}}


def closed(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


if __name__ == "__main__":
    print_schema(make)
