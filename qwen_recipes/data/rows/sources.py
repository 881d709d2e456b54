"""Where rows are read from: files, folders and patterns, or a data set on the hub."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from .arrow_rows import make_row
from .find_files import MissingSourceError, find_files
from .row import SourceSpec
from .row_reader import find_file_problem, read_file_rows

__all__ = ["MissingSourceError", "find_files", "read_source_rows", "repeat_by_weight"]

Item = TypeVar("Item")


def read_source_rows(source: SourceSpec) -> Iterator[tuple[str, int, Any, str]]:
    """File, line or row number, the row, and why there is none; only the first rows where `limit` says how many."""
    return islice(_read_all_rows(source), source.get("limit"))


def _read_all_rows(source: SourceSpec) -> Iterator[tuple[str, int, Any, str]]:
    if source["hub"]:
        yield from _read_hub(source["hub"], source)
        return
    for path in find_files(source["path"] or ""):
        if problem := find_file_problem(path, source.get("encoding") or ""):
            yield str(path), 1, None, str(problem)
            continue
        for row in read_file_rows(path, source.get("encoding") or ""):
            yield str(path), row.number, row.row, row.problem


def repeat_by_weight(rows: list[Item], weight: float, seed: int) -> list[Item]:
    """Each row as often as the weight says; a fraction is drawn without repetition, by the seed."""
    whole, part = int(weight), weight - int(weight)
    drawn = random.Random(seed).sample(range(len(rows)), round(part * len(rows)))
    return rows * whole + [rows[index] for index in sorted(drawn)]


def _read_hub(name: str, source: SourceSpec) -> Iterator[tuple[str, int, Any, str]]:
    from datasets import load_dataset

    rows = load_dataset(name, source["subset"], split=source["split"], revision=source["revision"])
    for number, row in enumerate(rows, 1):
        made = make_row(dict(row))
        yield name, number, made.row, made.problem
