"""`backends.<name>.extra`: native keys that a person adds for one framework."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from qwen_recipes.compile.value_formats import format_yaml


def find_extra_conflicts(
    extra: Mapping[str, Any], keys: Mapping[str, set[str]], fields_set: Mapping[str, str]
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


def select_replacing_keys(extra: Mapping[str, Any], joined: Collection[str]) -> dict[str, Any]:
    """The keys of `extra` that would take the place of what is compiled: all but lists that are joined to it."""
    return {key: value for key, value in extra.items() if key not in joined or not isinstance(value, list)}


def join_lists(extra: Mapping[str, Any], compiled: Mapping[str, Any], joined: Collection[str]) -> dict[str, Any]:
    """The extra keys, where a list of `joined` (native keys) follows what the compiled config has there."""
    replacing = select_replacing_keys(extra, joined)
    lists = {key: _append_new(compiled.get(key) or [], value) for key, value in extra.items() if key not in replacing}
    return {key: lists.get(key, value) for key, value in extra.items()}


def _append_new(first: list[Any], more: list[Any]) -> list[Any]:
    return [*first, *(item for item in more if item not in first)]


def append_extra_keys(text: str, extra: Mapping[str, Any], backend: str) -> str:
    """The config with the extra keys: one that stands there already is replaced, the others come last."""
    if not extra:
        return text
    for key in extra:
        text = re.sub(rf"^{re.escape(key)}:.*\n((?:[ \t-].*)?\n)*?(?=^[^ \t\n-]|\Z)", "", text, flags=re.MULTILINE)
    lines = [f"{format_yaml(key)}: {format_yaml(value)}" for key, value in extra.items()]
    return f"{text.rstrip()}\n\n# From backends.{backend}.extra\n" + "\n".join(lines) + "\n"
