"""Values as YAML text: plain where that is read back as the same, quoted where not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from qwen_recipes.yaml_text.reader import parse_scalar

_PLAIN = re.compile(r"[A-Za-z0-9_./~](?:[A-Za-z0-9_./~@+-]| (?=[A-Za-z0-9_./])|:(?=[A-Za-z0-9_/]))*\Z")


def format_flow(value: object, quote: str = "") -> str:
    """A value on one line; `quote` is the quotation mark that text gets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{format_flow(key)}: {format_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(format_flow(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return repr(value)
    return format_scalar(str(value), quote)


def format_scalar(value: str, quote: str = "") -> str:
    """Text as a scalar: plain unless that would be read as something else, or the quotes are asked for."""
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if quote != '"' and _PLAIN.match(value) and isinstance(parse_scalar(value), str):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def format_block(value: dict[str, object], indent: str, step: int) -> Iterator[str]:
    """Lines of a map in block style."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{indent}{format_flow(key)}:"
            yield from format_block(inner, indent + " " * step, step)
        else:
            yield f"{indent}{format_flow(key)}: {format_flow(inner)}"
