"""Nothing that a run writes lies at or above a source: it would be written over, or read as data the next time."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

WRITTEN = ("rows/train.jsonl", "rows/validation.jsonl")
"""Rows that every run writes below its output folder."""


def find_overlap(source: Path, output: Path, *, holds_rows: bool = True) -> str | None:
    """How a source and the folder that a run writes to are in each other's way, in words; None where they are not.

    `source` is a file, a folder of rows, a pattern, or a file that it stands for; without `holds_rows` a folder of
    weights, in which the output may lie.
    """
    read, written = os.path.realpath(source), os.path.realpath(output)
    if read == written:
        return "is the source"
    if _is_below(read, written):
        return "is a folder above the source"
    if _is_below(written, read) and holds_rows and os.path.isdir(read):  # noqa: PTH112 - called for every recipe
        return "lies in the folder that is the source"
    if _is_below(written, read) and os.path.isfile(read):  # noqa: PTH113
        return "lies below a file, which is the source"
    if glob.has_magic(read) and any(_matches(Path(read).parts, Path(written, name).parts) for name in WRITTEN):
        return "holds rows that would be read by the pattern"
    return None


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep) and path != folder


def _matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the parts of a path are what a pattern's stand for; `**` stands for any number of folders."""
    if not pattern or not parts:
        return not pattern and not parts
    if pattern[0] == "**":
        return _matches(pattern[1:], parts) or _matches(pattern, parts[1:])
    return fnmatchcase(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:])


def find_first_overlap(sources: Iterable[Path], output: Path) -> tuple[Path, str] | None:
    """The first source that is in the way of a run's output folder, and how."""
    return next(((path, how) for path in sources if (how := find_overlap(path, output))), None)
