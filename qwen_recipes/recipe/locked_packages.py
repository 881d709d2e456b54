"""Packages that a recipe's lock found in the frameworks' environments beyond their own locks, such as flash-attn."""

from __future__ import annotations

from collections.abc import Mapping

from qwen_recipes.recipe.lock_parts import read_locked_recipe

PackagesByBackend = tuple[tuple[str, tuple[str, ...]], ...]
"""The names of packages, by the framework in whose environment they are."""


def read_locked_packages(recipe_file: str, part: str = "") -> PackagesByBackend:
    """What the lock beside a recipe says; nothing without one. `part`: the stage and trial, of a file with several."""
    backends = read_locked_recipe(recipe_file, part).get("backends")
    found = []
    for name, one in (backends if isinstance(backends, Mapping) else {}).items():
        packages = one.get("packages") if isinstance(one, Mapping) else None
        if isinstance(packages, list) and packages and all(isinstance(package, str) for package in packages):
            found.append((str(name), tuple(packages)))
    return tuple(found)
