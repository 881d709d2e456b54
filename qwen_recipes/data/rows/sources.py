"""Where rows are read from: files, folders and patterns, or a data set on the hub."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

ROW_FILE_SUFFIXES = (".jsonl", ".json", ".parquet", ".csv")


class MissingSourceError(Exception):
    """A source that is not there."""


def find_files(path: str, folder: Path = Path()) -> list[Path]:
    """The files that a path, a folder or a pattern stands for, in order. Raises MissingSourceError.

    `folder` is where relative paths start. This is what is trained on, hashed, checked, sampled and counted.
    """
    named = folder / path
    if named.is_file():
        return [named]
    if named.is_dir():
        found = sorted(file for file in named.rglob("*") if file.suffix in ROW_FILE_SUFFIXES and file.is_file())
    else:
        found = _match_pattern(path, folder)
    if not found:
        raise MissingSourceError(f"{path} is not there")
    return found


def _match_pattern(pattern: str, folder: Path) -> list[Path]:
    root = Path(Path(pattern).anchor)
    start, rest = (root, str(Path(pattern).relative_to(root))) if Path(pattern).is_absolute() else (folder, pattern)
    try:
        return sorted(file for file in start.glob(rest) if file.is_file())
    except (ValueError, NotImplementedError, IndexError):
        return []  # no pattern that pathlib knows


def read_source_rows(source: dict[str, Any]) -> Iterator[tuple[str, int, Any, str]]:
    """File, line or row number, the row, and why there is none; only the first rows where `limit` says how many."""
    return islice(_read_all_rows(source), source.get("limit"))


def _read_all_rows(source: dict[str, Any]) -> Iterator[tuple[str, int, Any, str]]:
    if source["hub"]:
        yield from _read_hub(source)
        return
    for path in find_files(source["path"]):
        readers = {".json": _read_json, ".parquet": _read_parquet, ".csv": _read_csv}
        for number, row, problem in readers.get(path.suffix, _read_lines)(path):
            yield str(path), number, row, problem


def repeat_by_weight(rows: list[Any], weight: float, seed: int) -> list[Any]:
    """Each row as often as the weight says; a fraction is drawn without repetition, by the seed."""
    whole, part = int(weight), weight - int(weight)
    drawn = random.Random(seed).sample(range(len(rows)), round(part * len(rows)))
    return rows * whole + [rows[index] for index in sorted(drawn)]


def _read_lines(path: Path) -> Iterator[tuple[int, Any, str]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield number, json.loads(line.decode("utf-8-sig")), ""
                except ValueError as error:
                    yield number, None, f"can't be read: {error}"


def _read_json(path: Path) -> Iterator[tuple[int, Any, str]]:
    try:
        rows = json.loads(path.read_text("utf-8-sig"))
    except ValueError:
        yield from _read_lines(path)
        return
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        yield number, row, ""


def _read_csv(path: Path) -> Iterator[tuple[int, Any, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), 1):
            yield number, {k: parse_csv_value(v) for k, v in row.items() if k is not None}, ""


def parse_csv_value(value: Any) -> Any:
    """A value of a CSV file: `true` and `false` are no text."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _read_parquet(path: Path) -> Iterator[tuple[int, Any, str]]:
    from pyarrow import ArrowException, parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, drop_struct_nulls(row), ""
    except (ArrowException, OSError) as error:
        yield number + 1, None, f"the file can't be read as Parquet from here on: {' '.join(str(error).split())}"


def drop_struct_nulls(row: Any) -> Any:
    """A row without the nulls that Arrow adds below its columns, so that all maps of a column have the same keys."""
    if not isinstance(row, dict):
        return row
    return {name: _drop_nulls(value) for name, value in row.items()}


def _drop_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_nulls(item) for name, item in value.items() if item is not None}
    return [_drop_nulls(item) for item in value] if isinstance(value, list) else value


def _read_hub(source: dict[str, Any]) -> Iterator[tuple[str, int, Any, str]]:
    from datasets import load_dataset

    rows = load_dataset(source["hub"], source["subset"], split=source["split"], revision=source["revision"])
    for number, row in enumerate(rows, 1):
        yield source["hub"], number, drop_struct_nulls(dict(row)), ""
