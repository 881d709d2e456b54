"""A recipe's lock file by its parts: what it says of each stage and trial. `recipes lock` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.read_file import read_json


def get_lock_path(recipe: str) -> Path:
    """Where a recipe's lock lies: beside it, `NAME.lock`."""
    return Path(recipe).with_suffix(".lock")


def list_locked_recipes(lock: Mapping[str, object]) -> list[tuple[str, dict[str, Any]]]:
    """The locked recipe of each stage and trial, by its name; without any, the one recipe, named by nothing."""
    stages = lock.get("stages")
    return list(stages.items()) if isinstance(stages, dict) else [("", dict(lock))]


def read_locked_recipe(recipe: str, part: str = "") -> Mapping[str, object]:
    """What the lock beside a recipe says of its stage and trial `part`; empty without a readable lock.

    The file is read once, and again where it has changed.
    """
    path = get_lock_path(recipe)
    try:
        state = path.stat()
    except (OSError, ValueError):
        return {}
    return _read_parts(path, state.st_mtime_ns, state.st_size).get(part, {})


@lru_cache(maxsize=8)
def _read_parts(path: Path, changed: int, size: int) -> dict[str, Mapping[str, object]]:
    """The parts of the file as it was then."""
    try:
        content = read_json(path, "lock")
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping):
        return {}
    return {name: one for name, one in list_locked_recipes(content) if isinstance(one, Mapping)}
