"""LLaMA-Factory's training config, from the five dataclasses its parser fills."""

from __future__ import annotations

from importlib import import_module

from .annotation_schemas import Schema, enum_schema
from .schema_document import build_dataclass_properties, frame_schema, print_schema

LISTS = (
    "additional_target",
    "apollo_target",
    "dataset",
    "eval_dataset",
    "freeze_extra_modules",
    "freeze_trainable_modules",
    "galore_target",
    "lora_target",
    "oft_target",
)
"""Annotated `str`, and split at commas only if they are: a YAML list is taken as it is."""
TEXT_OR_LIST: Schema = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": ["string", "null"]}]}


def build_schema() -> Schema:
    """The schema; needs LLaMA-Factory installed."""
    parser = import_module("llamafactory.hparams.parser")
    overrides = dict.fromkeys(LISTS, TEXT_OR_LIST)
    templates = import_module("llamafactory.data.template").TEMPLATES
    overrides["template"] = enum_schema([*templates, None])
    properties: Schema = {}
    for cls in parser._TRAIN_ARGS:
        for name, schema in build_dataclass_properties(cls, overrides, lambda schema: schema).items():
            properties.setdefault(name, schema)
    version = import_module("llamafactory.extras.env").VERSION
    return frame_schema("llamafactory", version, "llamafactory.py", properties, required=["model_name_or_path"])


if __name__ == "__main__":
    print_schema(build_schema)
