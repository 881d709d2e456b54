"""The first rows of a source's files, where `data.*.limit` says how many are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from qwen_recipes.data.rows.row_reader import BATCH_ROWS, FilePart, read_file_rows, split_file


def split_first_rows(path: Path, encoding: str = "", most_rows: int | None = None) -> Iterator[FilePart]:
    """The file in parts, in its order; only its first `most_rows` rows, or all. Raises MissingReaderError, OSError."""
    if most_rows is None:
        yield from split_file(path, encoding)
        return
    rows = islice(read_file_rows(path, encoding), most_rows)
    while batch := tuple(islice(rows, BATCH_ROWS)):
        yield batch


def limit_files(
    files: Iterable[Path], encoding: str = "", most_rows: int | None = None
) -> Iterator[tuple[Path, int | None]]:
    """The files that the first `most_rows` rows of all lie in, and how many of each are meant; None means all.

    Raises MissingReaderError, OSError.
    """
    left = most_rows
    for file in files:
        if left == 0:
            return
        yield file, left
        if left is not None:
            left -= sum(1 for _ in islice(read_file_rows(file, encoding), left))
