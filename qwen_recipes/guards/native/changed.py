"""Keys that a version renamed, removed or redefined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qwen_recipes.backends.native import Change, NativeConfig
from qwen_recipes.guards.native.base import NativeHit, since
from qwen_recipes.guards.native.unknown import TITLES
from qwen_recipes.recipe.finding import Route, dotted


def qr703(config: NativeConfig) -> Iterator[NativeHit]:
    """Every change that the version in use has seen: an error where it breaks the key, else a warning."""
    data = config.data
    for change in config.changes:
        if not since(change.since, config) or (change.commands and config.command not in change.commands):
            continue
        if config.command in ("ray", "v1"):
            return
        for route, value in places(change, data, config):
            if change.when(value):
                yield _hit(change, route, value, config)


def places(change: Change, data: dict[str, Any], config: NativeConfig) -> Iterator[tuple[Route, Any]]:
    """Where the change's key stands, with its values."""
    for key in data:
        name = key.replace("-", "_") if config.backend == "ms-swift" else key
        if name == change.key:
            yield (key,), data[key]
    top, _, rest = change.key.partition("." if "[]" not in change.key else "[].")
    held = data.get(top) if rest else None
    entries = enumerate(held) if isinstance(held, list) else [(None, held)]
    for index, entry in entries:
        if isinstance(entry, dict) and rest in entry:
            route: Route = (top, rest) if index is None else (top, index, rest)
            yield route, entry[rest]


def _hit(change: Change, route: Route, value: Any, config: NativeConfig) -> NativeHit:
    broken = change.breaks is not None and since(change.breaks, config)
    said = dotted(route) + shown(change, value, config)
    what = "is gone from" if broken else "is deprecated in"
    version = change.breaks if broken else change.since
    message = f"`{said}` {what} {TITLES[config.backend]} since {version}: {change.why}"
    return NativeHit(route, message, change.write, severity=None if broken else "warning", at_key=True)


def shown(change: Change, value: Any, config: NativeConfig) -> str:
    """` value` where the key is still read and it is its value that matters."""
    plain = isinstance(value, (str, bool, int, float)) and change.key in config.vocabulary.keys
    return f": {str(value).lower() if isinstance(value, bool) else value}" if plain else ""
