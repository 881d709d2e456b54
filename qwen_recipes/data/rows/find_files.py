"""The files that a source's path stands for: a file, a folder or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .file_forms import COMPRESSIONS
from .limits import MAX_ENTRIES, MAX_FILES

ROW_FILE_SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".csv", ".tsv", ".txt")
"""Names of files of rows end so, and may end with a compression's suffix after it."""
SIDE_FILES = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
"""Files that `datasets` writes beside rows."""


class MissingSourceError(Exception):
    """A source that is not there, or stands for too many files."""


def find_row_files(folder: Path, path: str) -> list[Path]:
    """The files that a path, a folder or a pattern stands for, seen from `folder`, in order; maybe none.

    Raises MissingSourceError for too many files and folders too deep within each other, PermissionError.
    """
    try:
        named = folder / path
        if named.is_dir():
            return _choose_row_files(_walk(named), named)
        if named.exists():
            return [named]
        found = glob.iglob(path, root_dir=folder, recursive=True) if glob.has_magic(path) else ()  # noqa: PTH207
        files = [file for name in islice(found, MAX_FILES + 1) if not (file := folder / name).is_dir()]
    except PermissionError:
        raise
    except RecursionError:
        raise MissingSourceError(f"{path}: folders lie too deep within each other; name one that lies deeper") from None
    except (OSError, ValueError):
        return []
    if len(files) > MAX_FILES:
        raise MissingSourceError(f"{path} matches more than {MAX_FILES:,} files: name a narrower pattern")
    return sorted(files)


def find_files(path: str) -> list[Path]:
    """The files of a source, seen from here. Raises MissingSourceError where there is none."""
    found = find_row_files(Path(), path)
    if not found:
        raise MissingSourceError(f"{path} does not exist" if not is_folder(Path(path)) else explain_empty_folder(path))
    return found


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; also for names that no file can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def explain_empty_folder(path: object) -> str:
    """Why a folder gives no rows."""
    return f"{path} has no files of rows ({', '.join(ROW_FILE_SUFFIXES)})"


def get_row_suffix(name: str) -> str:
    """The suffix of a file's name that says what its rows are, in small letters and without a compression's."""
    path = Path(name.lower())
    return Path(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix


def _choose_row_files(files: Iterator[Path], folder: Path) -> list[Path]:
    """Files of rows in a folder; text files only where there are no others, since they may be notes about them."""
    found = [file for file in files if get_row_suffix(file.name) in ROW_FILE_SUFFIXES]
    if len(found) > MAX_FILES:
        raise MissingSourceError(f"{folder} holds more than {MAX_FILES:,} files of rows: name a pattern")
    others = [file for file in found if get_row_suffix(file.name) != ".txt"]
    if any(file.suffix == ".arrow" for file in others):
        others = [file for file in others if file.name not in SIDE_FILES]
    return sorted(others or found)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, hidden ones and links to folders left out."""
    seen = 0
    for root, folders, files in os.walk(folder):
        seen += len(folders) + len(files)
        if seen > MAX_ENTRIES:
            raise MissingSourceError(
                f"{folder} holds more than {MAX_ENTRIES:,} files: name a folder that only holds data"
            )
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in files if not name.startswith("."))
