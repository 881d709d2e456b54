"""`backends.<name>.extra`: native keys that a person adds for one framework."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from qwen_recipes.compile.value_formats import format_yaml

MISSING = object()
"""The value of a key that a config does not have."""


def find_extra_conflicts(
    extra: Mapping[str, object], keys: Mapping[str, set[str]], fields_set: Mapping[str, str]
) -> dict[str, str]:
    """Native keys of `extra` that a field of the recipe governs already, with that field.

    `keys` are the native keys and the plan's fields behind them; `fields_set` maps those plan fields that the
    person wrote to the recipe's field.
    """
    found = {}
    for native in extra:
        for key, paths in keys.items():
            fields = [fields_set[path] for path in sorted(paths) if path in fields_set]
            if (key == native or key.startswith((f"{native}.", f"{native}[]"))) and fields:
                found[native] = fields[0]
    return found


def select_replacing_keys(
    extra: Mapping[str, object], compiled: Mapping[str, object], joined: Collection[str]
) -> dict[str, object]:
    """The keys of `extra` that would take the place of what is compiled; those within a map by their path (`a.b`).

    Lists of `joined` and what a map has beyond the compiled one only add to it.
    """
    found: dict[str, Any] = {}
    for key, value in extra.items():
        theirs = compiled.get(key)
        if isinstance(value, Mapping) and isinstance(theirs, Mapping):
            inner = {name: one for name, one in value.items() if name in theirs and not same_value(one, theirs[name])}
            found.update({f"{key}.{name}": one for name, one in select_replacing_keys(inner, theirs, ()).items()})
        elif key not in joined or not isinstance(value, list):
            found[key] = value
    return found


def get_value(config: Mapping[str, object], key: str) -> object:
    """The value of a native key, or of one within maps by its path; MISSING where the config does not have it."""
    if key in config or "." not in key:
        return config.get(key, MISSING)
    outer, _, rest = key.partition(".")
    inner = config.get(outer)
    return get_value(inner, rest) if isinstance(inner, Mapping) else MISSING


def join_values(
    extra: Mapping[str, object], compiled: Mapping[str, object], joined: Collection[str]
) -> dict[str, object]:
    """The extra keys: a list of `joined` (native keys) follows what the compiled config has there, a map adds to it."""
    return {key: _join(key, value, compiled.get(key), joined) for key, value in extra.items()}


def _join(key: str, value: Any, compiled: Any, joined: Collection[str]) -> Any:
    if isinstance(value, Mapping) and isinstance(compiled, Mapping):
        return merge_maps(compiled, value)
    return _append_new(compiled or [], value) if key in joined and isinstance(value, list) else value


def merge_maps(first: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both maps in one, the second's values where both have a key; maps in them likewise."""
    inner = {
        key: merge_maps(first[key], value)
        for key, value in more.items()
        if isinstance(value, Mapping) and isinstance(first.get(key), Mapping)
    }
    return {**first, **more, **inner}


def same_value(value: object, compiled_value: object) -> bool:
    """Whether a native value is what the config says already; numbers by their size, maps where nothing is lost."""
    if isinstance(value, bool) or isinstance(compiled_value, bool):
        return value is compiled_value
    if isinstance(value, Mapping) and isinstance(compiled_value, Mapping):
        return all(same_value(value.get(key, MISSING), inner) for key, inner in compiled_value.items())
    return bool(value == compiled_value)


def _append_new(first: list[object], more: list[object]) -> list[object]:
    return [*first, *(item for item in more if item not in first)]


def append_extra_keys(text: str, extra: Mapping[str, object], backend: str) -> str:
    """The config with the extra keys: one that stands there already is replaced, the others come last."""
    if not extra:
        return text
    for key in extra:
        text = re.sub(rf"^{re.escape(key)}:.*\n((?:[ \t-].*)?\n)*?(?=^[^ \t\n-]|\Z)", "", text, flags=re.MULTILINE)
    lines = [f"{format_yaml(key)}: {format_yaml(value)}" for key, value in extra.items()]
    return f"{text.rstrip()}\n\n# From backends.{backend}.extra\n" + "\n".join(lines) + "\n"
