"""Values that the framework's YAML reader takes for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.finding import Route, format_route
from qwen_recipes.yaml_text.nodes import Mapping as Map
from qwen_recipes.yaml_text.nodes import Node, Scalar, Sequence

_EXPONENT_READ_AS_TEXT = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+\Z|[-+]?[0-9.]+[eE][0-9]+\Z")
YAML_1_1_BOOLEANS = {"yes": True, "no": False, "on": True, "off": False}


def check_qr705(config: NativeConfig) -> Iterator[NativeViolation]:
    """Numbers and switches that YAML 1.1 reads as something else, and nulls that become text."""
    root = config.document.root
    if config.form == "shell" or not isinstance(root, Map):
        return
    properties = config.known_keys.schema.get("properties", {})
    for key, node in root.entries.items():
        if key in config.traits.free_form_keys:
            yield from find_numbers_as_text(node, (key,))
        if isinstance(node, Scalar):
            yield from check_scalar(config, key, node, properties.get(key, {}))


def find_numbers_as_text(node: Node, route: Route) -> Iterator[NativeViolation]:
    """`1e-5`, without a dot, in a map that nothing converts."""
    children: list[tuple[str | int, Node]] = []
    if isinstance(node, Map):
        children = list(node.entries.items())
    elif isinstance(node, Sequence):
        children = list(enumerate(node.items))
    elif node.plain and _EXPONENT_READ_AS_TEXT.match(node.raw):
        message = f"YAML 1.1 reads `{node.raw}` as text, and `{format_route(route)}` is passed on as text"
        yield NativeViolation(route, message, f"write {float(node.raw)!r} with a dot: {add_decimal_point(node.raw)}")
    for step, child in children:
        yield from find_numbers_as_text(child, (*route, step))


def add_decimal_point(text: str) -> str:
    """`1e-5` as `1.0e-5`, `1e5` as `1.0e+5`."""
    mantissa, _, exponent = text.lower().partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent if exponent[0] in '+-' else '+' + exponent}"


def check_scalar(
    config: NativeConfig, key: str, node: Scalar, schema: Mapping[str, object]
) -> Iterator[NativeViolation]:
    """One value at the top level."""
    if config.traits.null_becomes_text and node.value is None and key != "ENV":
        yield NativeViolation((key,), f'an empty `{key}` becomes the text "None"', f"remove `{key}`", at_key=True)
    elif node.plain and node.raw.lower() in YAML_1_1_BOOLEANS and schema and not accepts_boolean(schema):
        read = str(YAML_1_1_BOOLEANS[node.raw.lower()]).lower()
        message = f"YAML 1.1 reads `{node.raw}` as {read}, which is invalid for `{key}`"
        yield NativeViolation(
            (key,),
            message,
            f'{key}: "{node.raw}"',
            severity=None if config.traits.is_value_used(config.data, key) else "warning",
        )
    elif not config.traits.converts_text and not node.plain and isinstance(node.value, str):
        yield from check_quoted_value(config, key, node, schema)


def check_quoted_value(
    config: NativeConfig, key: str, node: Scalar, schema: Mapping[str, object]
) -> Iterator[NativeViolation]:
    """Text where a framework that converts nothing wants a number or a switch."""
    wanted = list_schema_types(schema) - {"null"}
    if wanted and wanted <= {"number", "integer", "boolean"} and "enum" not in schema:
        what = "true or false: any text counts as true" if wanted == {"boolean"} else "a number"
        yield NativeViolation((key,), f"`{key}` is text here; expected {what}", f"write {node.raw} without quotes")


def accepts_boolean(schema: Mapping[str, Any]) -> bool:
    """Whether true or false may stand here."""
    options = schema.get("anyOf", [schema])
    return any(not list_schema_types(one) and "enum" not in one for one in options) or any(
        "boolean" in list_schema_types(one) or {True, False} & {v for v in one.get("enum", ()) if isinstance(v, bool)}
        for one in options
    )


def list_schema_types(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types a schema names at its top."""
    named = schema.get("type", ())
    return {named} if isinstance(named, str) else set(named)
