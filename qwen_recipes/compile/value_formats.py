"""How a value is written so that every reader reads it alike."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable
from typing import Any

from qwen_recipes.compile.traced_values import TracedValue, untrace_value

_UNQUOTED_TEXT = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+@=-]*( [A-Za-z0-9_./+@=-]+)*\Z")
_AMBIGUOUS_TEXT = re.compile(
    r"(y|n|yes|no|on|off|true|false|null|none|nan|inf|\.inf|\.nan|\.+|[-+.]?[0-9_.,:]*([eE][-+]?[0-9]+)?)\Z",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ue000\ue001\ufffe\uffff]")
_MARK = "\ue000{}\ue001"
_MARK_PATTERN = re.compile("\ue000([^\ue001]*)\ue001")


def format_yaml(value: object) -> str:
    """A value as YAML that PyYAML, ruamel and OmegaConf read alike; text is quoted where one would misread it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(format_yaml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{format_yaml(k)}: {format_yaml(v)}" for k, v in value.items()) + "}"
    text = str(value)
    return text if _UNQUOTED_TEXT.match(text) and not _AMBIGUOUS_TEXT.match(text) else format_json(text)


def format_float(value: float) -> str:
    """A float with a point and a signed exponent: YAML 1.1 takes `1e-05` for text."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:.1f}"
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{exponent}" if e else text


def format_json(value: object) -> str:
    """A value as JSON; what a YAML reader takes for a line break or refuses is escaped."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(value, ensure_ascii=False))


def format_shell(value: object) -> str:
    """A value as one word of a shell command."""
    return shlex.quote(str(value))


class RawText(str):
    """Text that goes into a file as it is."""


def make_formatter(kind: str, *, marked: bool) -> Callable[[Any], str]:
    """What Jinja calls for every printed value. With `marked`, a YAML value carries its field's path."""
    write = {"yaml": format_yaml, "json": format_json, "shell": format_shell}[kind]

    def show(value: object) -> str:
        if isinstance(value, RawText):
            return str(value)
        text = write(untrace_value(value))
        return _add_mark(text, value.path) if marked and isinstance(value, TracedValue) else text

    return show


def _add_mark(text: str, path: str) -> str:
    mark = _MARK.format(path)
    return text[0] + mark + text[1:] if text[:1] in '"[' else mark + text


def find_marks(value: object) -> set[str]:
    """The paths that a parsed value carries."""
    if isinstance(value, dict):
        return {path for item in value.values() for path in find_marks(item)}
    if isinstance(value, list):
        return {path for item in value for path in find_marks(item)}
    return set(_MARK_PATTERN.findall(value)) if isinstance(value, str) else set()


def remove_marks(text: str) -> str:
    """The text as it is written to disk."""
    return _MARK_PATTERN.sub("", text)
