"""Nothing that a run writes lies at or above a source: it would be written over, or read as data the next time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def find_overlap(source: Path, output: Path) -> str | None:
    """How a source and the folder that a run writes to are in each other's way, in words; None where they are not.

    `source` is a file, a folder of rows, or a file that a pattern stands for.
    """
    source, output = Path(os.path.realpath(source)), Path(os.path.realpath(output))
    if source == output:
        return "is the source"
    if output in source.parents:
        return "is a folder above the source"
    if source.is_dir() and source in output.parents:
        return "lies in the folder that is the source"
    return None


def find_first_overlap(sources: Iterable[Path], output: Path) -> tuple[Path, str] | None:
    """The first source that is in the way of a run's output folder, and how."""
    return next(((path, how) for path in sources if (how := find_overlap(path, output))), None)
