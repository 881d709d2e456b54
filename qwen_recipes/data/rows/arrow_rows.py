"""Parquet and Arrow files as rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import limits
from .arrow_pieces import PIECE_ROWS, cut_batch, is_long_row
from .file_forms import FileForm, open_rows
from .json_values import explain_long_row
from .memory_limit import limit_memory
from .nul_characters import explain_nul
from .parquet_pages import measure_columns
from .row import MissingReaderError, RawRow

BATCH_ROWS = PIECE_ROWS
PACKED_BYTES = 64 << 20
"""Bytes of a column's values that a batch may hold where the file packs them unusually well."""
LIBRARY_BYTES = 512 << 20
"""Bytes that the library may take beside the values of a batch."""
USUAL_RATIO = 50
"""How many times smaller a column of conversations is in a file, at most."""


def read_arrow_rows(path: Path, form: FileForm) -> Iterator[RawRow]:
    """The rows of a file. Raises MissingReaderError."""
    try:
        from pyarrow import ArrowException
    except ImportError:
        kind = "Parquet" if form.kind == "parquet" else "Arrow"
        raise MissingReaderError(f"{path} is {kind}: reading it needs pyarrow (pip install pyarrow)") from None
    number = 0
    batches = _read_parquet(path) if form.kind == "parquet" else _read_arrow(path, form)
    memory = LIBRARY_BYTES + 2 * limits.get_expanded_limit(path.stat().st_size)
    try:
        while (batch := _read_batch(batches, memory)) is not None:
            for row in _list_rows(batch):
                number += 1
                yield row._replace(number=number)
    except MemoryError:
        yield RawRow(number + 1, None, limits.explain_expansion("what follows"))
    except (ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        name = "Parquet" if form.kind == "parquet" else "Arrow"
        yield RawRow(number + 1, None, f"can't be read as {name} from here on: {' '.join(str(error).split())[:300]}")


def _read_batch(batches: Iterator[object], memory: int) -> object:
    """The next batch, for which the library may take so many bytes; None at the end."""
    with limit_memory(memory):
        return next(batches, None)


def _read_parquet(path: Path) -> Iterator[object]:
    from pyarrow import parquet

    with open_rows(path) as source, parquet.ParquetFile(source) as file:
        size = os.fstat(source.fileno()).st_size
        limit = limits.get_expanded_limit(size)
        _check_names(file.schema_arrow.names)
        if not file.metadata.num_rows:
            return
        rows = _choose_batch_rows(file.metadata, limit)
        if measure_columns(source, file.metadata, size) > limit:
            raise ValueError(limits.explain_expansion("what its pages hold"))
        found = 0
        for batch in file.iter_batches(rows, use_threads=False):
            found += batch.num_rows
            yield from cut_batch(batch, limit)
        if found != file.metadata.num_rows:
            raise ValueError(f"its pages hold {found:,} rows, and its metadata says {file.metadata.num_rows:,}")


def _choose_batch_rows(metadata: Any, limit: int) -> int:
    """Rows of a batch, fewer where a small file may hold large values. Raises ValueError for what grows too much."""
    if metadata.num_rows * limits.MIN_ROW_BYTES > limit:
        raise ValueError(limits.explain_expansion(f"a file of {metadata.num_rows:,} rows"))
    rows = BATCH_ROWS
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            if size > limit:
                raise ValueError(limits.explain_expansion("a column"))
            if size > USUAL_RATIO * max(1, column.total_compressed_size):
                rows = min(rows, max(1, PACKED_BYTES // size))
    return rows


def _read_arrow(path: Path, form: FileForm) -> Iterator[object]:
    import pyarrow

    with open_rows(path) as file, pyarrow.PythonFile(file, "r") as source:
        limit = limits.get_expanded_limit(os.fstat(file.fileno()).st_size)
        open_file = pyarrow.ipc.open_file if form.kind == "arrow" else pyarrow.ipc.open_stream
        reader = open_file(source)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if form.kind == "arrow" else iter(reader)
        _check_names(reader.schema.names)
        left = limit // limits.MIN_ROW_BYTES
        for batch in batches:
            left -= batch.num_rows
            if left < 0:
                raise ValueError(limits.explain_expansion(f"a batch of {batch.num_rows:,} rows"))
            batch.validate(full=True)
            yield from cut_batch(batch, limit)


def _check_names(names: list[str]) -> None:
    """Raises ValueError for two columns of one name, of which a row could hold one."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the column {twice!r} occurs twice")


def _list_rows(batch: Any) -> Iterator[RawRow]:
    """Each row of a batch; where one of them can't be made a row, the others still are."""
    if is_long_row(batch):
        yield RawRow(0, None, explain_long_row("row"))
        return
    try:
        yield from map(make_row, batch.to_pylist())
        return
    except (ValueError, OverflowError):
        pass
    for place in range(batch.num_rows):
        try:
            (row,) = batch.slice(place, 1).to_pylist()
            yield make_row(row)
        except (ValueError, OverflowError) as error:
            yield RawRow(0, None, f"a value can't be read: {error}")


def make_row(row: object) -> RawRow:
    """A row without Arrow's own nulls; the caller numbers it."""
    problem = explain_nul(row)
    return RawRow(0, None, problem, str(row)[:400]) if problem else RawRow(0, drop_struct_nulls(row))


def drop_struct_nulls(row: object) -> object:
    """A row without the nulls that Arrow adds below its columns, so that all maps of a column have the same keys."""
    if not isinstance(row, dict):
        return row
    return {name: _drop_nulls(value) for name, value in row.items()}


def _drop_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _drop_nulls(item) for name, item in value.items() if item is not None}
    return [_drop_nulls(item) for item in value] if isinstance(value, list) else value
