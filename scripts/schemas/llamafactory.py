"""LLaMA-Factory's training config, from the five dataclasses its parser fills."""

from __future__ import annotations

from importlib import import_module

from .annotations import Schema, choices
from .document import dataclass_properties, document, print_schema

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


def make() -> Schema:
    """The schema; needs LLaMA-Factory installed."""
    parser = import_module("llamafactory.hparams.parser")
    overrides = dict.fromkeys(LISTS, TEXT_OR_LIST)
    templates = import_module("llamafactory.data.template").TEMPLATES
    overrides["template"] = choices([*templates, None])
    properties: Schema = {}
    for cls in parser._TRAIN_ARGS:
        for name, schema in dataclass_properties(cls, overrides, lambda found: found).items():
            properties.setdefault(name, schema)
    version = import_module("llamafactory.extras.env").VERSION
    return document("llamafactory", version, "llamafactory.py", properties, required=["model_name_or_path"])


if __name__ == "__main__":
    print_schema(make)
