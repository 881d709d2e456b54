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


def explain_missing_files(path: str, folder: Path) -> str | None:
    """Why a file's, folder's or pattern's path, seen from `folder`, stands for no files of rows; None where it may."""
    try:
        if find_row_files(folder, path):
            return None
    except (MissingSourceError, OSError):
        return None
    return explain_empty_folder(path) if is_folder(folder / path) else f"{path} does not exist"


def explain_no_rows(path: str, folder: Path) -> str | None:
    """Why a path's files can't have rows: there are none, or all are empty. Reads no file."""
    files = list_source_files(path, folder)
    try:
        empty = bool(files) and all(file.is_file() and not file.stat().st_size for file in files)
    except OSError:
        return None
    return f"{path} is empty" if empty else explain_missing_files(path, folder)
