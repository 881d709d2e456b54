"""The files that a path of a recipe stands for: one answer for whoever trains, hashes, checks, samples or counts."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.data.rows.find_files import (
    MissingSourceError,
    explain_empty_folder,
    find_row_files,
    is_folder,
)


def list_source_files(path: str, folder: Path) -> list[Path]:
    """The files of a file's, folder's or pattern's path, seen from the recipe's `folder`; empty where none is there."""
    try:
        return find_row_files(folder, path)
    except (MissingSourceError, OSError):
        return []


def explain_no_rows(path: str, folder: Path) -> str | None:
    """Why a file's, folder's or pattern's path, seen from `folder`, gives no rows; None where it may. Reads no file."""
    try:
        files = find_row_files(folder, path)
        if not files:
            return explain_empty_folder(path) if is_folder(folder / path) else f"{path} does not exist"
        return None if any(not file.is_file() or file.stat().st_size for file in files) else f"{path} is empty"
    except (MissingSourceError, OSError):
        return None
