"""What `recipes lint PATH...` looks at: files, the recipes below folders, and what globs match."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

RECIPE_SUFFIXES = (".recipe.yaml", ".recipe.yml")
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv"}
_HEAD = 1_000_000
_TOP = [re.compile(rf"^\ufeff?{key}[ \t]*:(?:\s|$)", re.M) for key in ("version", "model")]


class NothingThere(Exception):
    """A path names no file, or a glob matches none."""


def targets(paths: Iterable[str]) -> list[str]:
    """Every file to look at, each once, in the order asked for. Raises NothingThere."""
    found = dict.fromkeys(file for path in paths for file in _below(path))
    return list(found)


def _below(path: str) -> Iterator[str]:
    if path == "-" or Path(path).is_file():
        yield path
    elif Path(path).is_dir():
        yield from _in_folder(path)
    elif any(mark in path for mark in "*?["):
        yield from _matches(path)
    elif Path(path).exists():
        yield path
    else:
        raise NothingThere(f"{path} is not there")


def _matches(pattern: str) -> Iterator[str]:
    import glob

    paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [match for path in paths for match in _match(path)]
    if not found:
        raise NothingThere(f"nothing matches {pattern}")
    yield from found


def _match(path: str) -> Iterator[str]:
    return _in_folder(path) if Path(path).is_dir() else iter([path])


def _in_folder(folder: str) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118 - keeps the folder as it was written
            if name.endswith(RECIPE_SUFFIXES) or (name.endswith((".yaml", ".yml")) and is_recipe(path)):
                yield path


def is_recipe(path: str) -> bool:
    """Whether a YAML file begins as a recipe does."""
    try:
        with Path(path).open("rb") as file:
            return says_recipe(file.read(_HEAD))
    except OSError:
        return False


def says_recipe(content: bytes | str) -> bool:
    """Whether the text has what every recipe has at its top level: `version` and `model`."""
    text = content if isinstance(content, str) else content.decode("utf-8-sig", errors="replace")
    return all(pattern.search(text) for pattern in _TOP)
