"""U+0000 in a row's text: no text has it, and libraries in C read a text only up to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def explain_nul(row: object) -> str:
    """Where a row's text holds U+0000 and what that means; empty where it holds none."""
    place = find_nul(row)
    if place is None:
        return ""
    where = f" in `{place}`" if place else ""
    return f"U+0000 (NUL){where}: remove it, or read the source again with its right encoding"


def find_nul(value: object) -> str | None:
    """The path of the first text or key with U+0000 in lists and maps, as `messages.0.content`."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one:
                return path
        elif isinstance(one, (dict, list)):
            waiting.extend(reversed(list(_list_inner(path, one))))
    return None


def _list_inner(path: str, value: dict[object, object] | list[object]) -> Iterator[tuple[str, object]]:
    """Inner values with their paths; a key is a text below the map that has it."""
    head = path and path + "."
    if isinstance(value, list):
        yield from ((f"{head}{place}", item) for place, item in enumerate(value))
        return
    for name, item in value.items():
        if isinstance(name, str) and "\0" in name:
            yield path, name
        yield f"{head}{name}", item
