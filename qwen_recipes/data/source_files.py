"""The files that a path of a recipe stands for: one answer for whoever trains, hashes, checks, samples or counts."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

from qwen_recipes.data.rows.file_forms import find_file_problem
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
    """Why a path's files can't have rows: there are none, or all are empty or no files of rows.

    Reads the first bytes of files.
    """
    files = list_source_files(path, folder)
    try:
        problems = list(takewhile(bool, (find_file_problem(file) for file in files if file.is_file())))
    except OSError:
        return None
    if problems and len(problems) == len(files):
        return f"{path}{str(problems[0]).removeprefix('the file')}"
    return explain_missing_files(path, folder)
