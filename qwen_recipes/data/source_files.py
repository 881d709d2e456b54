"""The files that a path of a recipe stands for: one answer for whoever trains, hashes, checks, samples or counts."""

from __future__ import annotations

import glob
from pathlib import Path

from qwen_recipes.data.rows.find_files import MissingSourceError, find_row_files


def list_source_files(path: str, folder: Path) -> list[Path]:
    """The files of a file's, folder's or pattern's path, seen from the recipe's `folder`; empty where none is there."""
    try:
        return find_row_files(folder, path)
    except (MissingSourceError, OSError):
        return []


def has_source_files(path: str, folder: Path) -> bool:
    """Whether a file's, folder's or pattern's path stands for anything, seen from `folder`. Reads no file."""
    try:
        if (folder / path).exists():
            return True
        return glob.has_magic(path) and any(glob.iglob(path, root_dir=folder, recursive=True))  # noqa: PTH207
    except (OSError, ValueError):
        return False
