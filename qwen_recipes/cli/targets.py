"""What `recipes lint PATH...` looks at: files, the recipes below folders, and what globs match."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

RECIPE_SUFFIXES = (".recipe.yaml", ".recipe.yml")
NATIVE_SUFFIXES = (".yaml", ".yml", ".sh")
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv"}
_HEAD = 1_000_000
_TOP = [re.compile(rf"^\ufeff?{key}[ \t]*:(?:\s|$)", re.M) for key in ("version", "model")]


class NothingThere(Exception):
    """A path names no file, or a glob matches none."""


def targets(paths: Iterable[str], framework: str | None = None) -> list[str]:
    """Every file to look at, each once, in the order asked for. Raises NothingThere.

    A folder is searched for recipes; with `framework`, for that framework's own configs and scripts.
    """
    found = dict.fromkeys(file for path in paths for file in _below(path, framework))
    return list(found)


def _below(path: str, framework: str | None) -> Iterator[str]:
    if path == "-" or Path(path).is_file():
        yield path
    elif Path(path).is_dir():
        yield from _in_folder(path, framework)
    elif any(mark in path for mark in "*?["):
        yield from _matches(path, framework)
    elif Path(path).exists():
        yield path
    else:
        raise NothingThere(f"{path} is not there")


def _matches(pattern: str, framework: str | None) -> Iterator[str]:
    import glob

    paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [match for path in paths for match in _match(path, framework)]
    if not found:
        raise NothingThere(f"nothing matches {pattern}")
    yield from found


def _match(path: str, framework: str | None) -> Iterator[str]:
    return _in_folder(path, framework) if Path(path).is_dir() else iter([path])


def _in_folder(folder: str, framework: str | None) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        for name in sorted(files):
            path = os.path.join(root, name)  # noqa: PTH118 - keeps the folder as it was written
            if is_native(path, framework) if framework else is_recipe(path):
                yield path


def is_recipe(path: str) -> bool:
    """Whether a file is a recipe: by its name, or a YAML file that begins as one does."""
    return path.endswith(RECIPE_SUFFIXES) or (path.endswith((".yaml", ".yml")) and says_recipe(_head(path)))


def is_native(path: str, framework: str) -> bool:
    """Whether a YAML file or a script is one of this framework's, by what it says."""
    from qwen_recipes.backends.native import recognise

    return path.endswith(NATIVE_SUFFIXES) and recognise(_head(path).decode("utf-8-sig", "replace")) == framework


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def says_recipe(content: bytes | str) -> bool:
    """Whether the text has what every recipe has at its top level: `version` and `model`."""
    text = content if isinstance(content, str) else content.decode("utf-8-sig", errors="replace")
    return all(pattern.search(text) for pattern in _TOP)
