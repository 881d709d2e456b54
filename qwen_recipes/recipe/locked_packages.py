"""Packages that a recipe's lock found in the frameworks' environments beyond their own locks, such as flash-attn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.read_file import read_json

PackagesByBackend = tuple[tuple[str, tuple[str, ...]], ...]
"""The names of packages, by the framework in whose environment they are."""


def read_locked_packages(recipe_file: str, part: str = "") -> PackagesByBackend:
    """What the lock beside a recipe says; nothing without one. `part`: the stage and trial, of a file with several."""
    path = Path(recipe_file).with_suffix(".lock")
    try:
        state = path.stat()
    except (OSError, ValueError):
        return ()
    return _read_lock(path, state.st_mtime_ns, state.st_size).get(part, ())


@lru_cache(maxsize=8)
def _read_lock(path: Path, changed: int, size: int) -> dict[str, PackagesByBackend]:
    """What is said of each part, of the file as it was then."""
    try:
        content = read_json(path, "lock")
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping):
        return {}
    stages = content.get("stages")
    parts = stages if isinstance(stages, Mapping) else {"": content}
    return {name: _parse_part(one) for name, one in parts.items() if isinstance(one, Mapping)}


def _parse_part(content: Mapping[str, Any]) -> PackagesByBackend:
    backends = content.get("backends")
    found = []
    for name, one in (backends if isinstance(backends, Mapping) else {}).items():
        packages = one.get("packages") if isinstance(one, Mapping) else None
        if isinstance(packages, list) and packages and all(isinstance(package, str) for package in packages):
            found.append((str(name), tuple(packages)))
    return tuple(found)
