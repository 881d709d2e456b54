"""Values as YAML text: plain where that is read back as the same, quoted where not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from qwen_recipes.recipe.reader import plain_value

_PLAIN = re.compile(r"[A-Za-z0-9_./~](?:[A-Za-z0-9_./~@+-]| (?=[A-Za-z0-9_./])|:(?=[A-Za-z0-9_/]))*\Z")


def flow(value: object, quote: str = "") -> str:
    """A value on one line; `quote` is the quotation mark that text gets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return repr(value)
    return text(str(value), quote)


def text(value: str, quote: str = "") -> str:
    """Text as a scalar: plain unless that would be read as something else, or the quotes are asked for."""
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if quote != '"' and _PLAIN.match(value) and isinstance(plain_value(value), str):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def in_block(value: dict[str, object], indent: str, step: int) -> Iterator[str]:
    """Lines of a map in block style."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{indent}{flow(key)}:"
            yield from in_block(inner, indent + " " * step, step)
        else:
            yield f"{indent}{flow(key)}: {flow(inner)}"
