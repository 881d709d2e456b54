"""Keys that a version renamed, removed or redefined."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import KeyChange, NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation, is_at_least
from qwen_recipes.finding import Route, format_route


def check_qr703(config: NativeConfig) -> Iterator[NativeViolation]:
    """Every change that the version in use has seen: an error where it breaks the key, else a warning."""
    data = config.data
    for change in config.key_changes:
        if not is_at_least(change.since, config) or (change.commands and config.command not in change.commands):
            continue
        if config.command in ("ray", "v1"):
            return
        for route, value in find_changed_keys(change, data, config):
            if change.affects(value):
                yield _make_violation(change, route, value, config)


def find_changed_keys(
    change: KeyChange, data: dict[str, object], config: NativeConfig
) -> Iterator[tuple[Route, object]]:
    """Where the change's key stands, with its values."""
    for key in data:
        name = key.replace("-", "_") if config.traits.reads_dashes else key
        if name == change.key:
            yield (key,), data[key]
    top, _, rest = change.key.partition("." if "[]" not in change.key else "[].")
    held = data.get(top) if rest else None
    entries = enumerate(held) if isinstance(held, list) else [(None, held)]
    for index, entry in entries:
        if isinstance(entry, dict) and rest in entry:
            route: Route = (top, rest) if index is None else (top, index, rest)
            yield route, entry[rest]


def _make_violation(change: KeyChange, route: Route, value: object, config: NativeConfig) -> NativeViolation:
    broken = change.breaks_in is not None and is_at_least(change.breaks_in, config)
    said = format_route(route) + format_changed_value(change, value, config)
    what = "was removed in" if broken else "has been deprecated since"
    version = change.breaks_in if broken else change.since
    message = f"`{said}` {what} {config.title} {version}: {change.why}"
    return NativeViolation(route, message, change.write, severity=None if broken else "warning", at_key=True)


def format_changed_value(change: KeyChange, value: object, config: NativeConfig) -> str:
    """` value` where the key is still read and it is its value that matters."""
    plain = isinstance(value, (str, bool, int, float)) and change.key in config.known_keys.keys
    return f": {str(value).lower() if isinstance(value, bool) else value}" if plain else ""
