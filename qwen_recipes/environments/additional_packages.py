"""Locks of packages that an environment may have beyond its framework's: `recipes env create FRAMEWORK --with NAME`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from qwen_recipes.environments.lock_file import (
    Requirements,
    compute_lock_hash,
    normalize_name,
    read_requirements,
)

ADDITIONAL_LOCKS = Path(__file__).with_name("additional")


def get_additional_lock(name: str, python: str) -> Path:
    """Where the lock of an additional package lies, whether it is there or not. `python`: a version such as `3.12`."""
    return ADDITIONAL_LOCKS / f"{name}-py{python.replace('.', '')}.lock"


def compute_identity(locks: Iterable[Path]) -> str:
    """The SHA-256 of what an environment is built from: of one lock its own, of several one of all. Raises OSError."""
    hashes = [compute_lock_hash(lock) for lock in locks]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def read_further_requirements(lock: Path, earlier: Iterable[Path]) -> Requirements:
    """What a lock adds to earlier ones: a package that they pin is left as they have it. Raises OSError."""
    pinned = {name for one in earlier for name in read_requirements(one).pins()}
    found = read_requirements(lock)
    return replace(
        found,
        plain=tuple(pin for pin in found.plain if normalize_name(pin) not in pinned),
        built=tuple(package for package in found.built if normalize_name(package.pin) not in pinned),
        any_python=tuple(pin for pin in found.any_python if normalize_name(pin) not in pinned),
    )


def read_all_requirements(locks: Iterable[Path]) -> list[Requirements]:
    """What each lock adds to those before it. Raises OSError."""
    files = list(locks)
    return [read_further_requirements(file, files[:index]) for index, file in enumerate(files)]


def read_all_pins(locks: Iterable[Path]) -> dict[str, str]:
    """Version by normalized name of every package that locks ask for together. Raises OSError."""
    return {name: version for one in read_all_requirements(locks) for name, version in one.pins().items()}
