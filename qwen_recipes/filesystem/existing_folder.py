"""The nearest folder that exists: where the disk of a place that is made later is."""

from __future__ import annotations

from pathlib import Path


def find_existing_folder(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists; absolute."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.is_dir())
