"""The frame every extractor's schema is put in, and how it is printed."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import operator
import os
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .annotation_schemas import Schema, member_value, schema_from_annotation

OFFLINE = {
    "AXOLOTL_DO_NOT_TRACK": "1",
    "AXOLOTL_LOG_LEVEL": "ERROR",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "LLAMAFACTORY_VERBOSITY": "ERROR",
    "TRANSFORMERS_OFFLINE": "1",
}


def frame_schema(backend: str, version: str, script: str, properties: Schema, **more: Any) -> Schema:
    """A JSON Schema that refuses every key it does not list; `script` is the extractor's file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{backend} {version} training config",
        "type": "object",
        "x-backend": backend,
        "x-version": version,
        "x-made-by": f"schemas/extractors/{script}",
        "additionalProperties": False,
        "properties": properties,
        **more,
    }


def to_json_value(value: Any) -> Any:
    """`value` as JSON, or None where it is not one."""
    if isinstance(value, enum.Enum):
        return member_value(value)
    if isinstance(value, dict):
        return {str(key): to_json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_json_value(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else None


def add_default(schema: Schema, value: Any) -> Schema:
    known = value is None or to_json_value(value) is not None
    return {**schema, "default": to_json_value(value)} if known else schema


def list_dataclass_fields(cls: type) -> Iterator[tuple[str, Any, Any]]:
    """(name, annotation, default) of what a dataclass is made with; the default is MISSING where it is required."""
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        if item.init:
            factory = item.default_factory
            default = item.default if factory is dataclasses.MISSING else factory()
            yield item.name, hints[item.name], default


def build_dataclass_properties(cls: type, overrides: dict[str, Schema], adapt: Callable[[Schema], Schema]) -> Schema:
    properties: Schema = {}
    for name, annotation, default in list_dataclass_fields(cls):
        schema = adapt(
            overrides[name] if name in overrides else schema_from_annotation(drop_plain_string(annotation)) or {}
        )
        properties[name] = schema if default is dataclasses.MISSING else add_default(schema, default)
    return properties


def drop_plain_string(annotation: Any) -> Any:
    """transformers writes `SomeEnum | str` for a value that must be one of the enum's: the str is dropped."""
    arguments = typing.get_args(annotation)
    enums = [part for part in arguments if isinstance(part, type) and issubclass(part, enum.Enum)]
    if not enums or str not in arguments:
        return annotation
    return functools.reduce(operator.or_, (part for part in arguments if part is not str))


@contextmanager
def redirect_stdout() -> Iterator[None]:
    """Whatever a framework prints goes to stderr, so that stdout holds the schema alone."""
    os.environ.update(OFFLINE)
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


def print_schema(build: Callable[[], Schema]) -> None:
    """Print what `build` returns; the folder we run in leaves the import path, so that it hides no package."""
    sys.path.pop(0)
    with redirect_stdout():
        made = build()
    print(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False))
