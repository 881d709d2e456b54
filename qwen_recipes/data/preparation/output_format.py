"""Prepared rows in the format that the name of the output says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from qwen_recipes.errors import QwenRecipesError

LINES_SUFFIXES = (".jsonl", ".ndjson")


class OutputFormatError(QwenRecipesError):
    """A name that says no format, or rows that can't be written in it."""


def find_output_suffix(path: Path) -> str:
    """The suffix that says the format. Raises OutputFormatError for none that is known."""
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix not in _CONVERTERS:
        known = ", ".join(_CONVERTERS)
        raise OutputFormatError(f"{path.name}: unknown output format; end the name with one of {known}")
    return suffix


def write_in_format(lines: IO[bytes], suffix: str, out: IO[bytes]) -> None:
    """Write JSON lines to `out` in the format of a suffix. Raises OutputFormatError, OSError."""
    _CONVERTERS[suffix](lines, out)


def _read_rows(lines: IO[bytes]) -> Iterator[dict[str, object]]:
    lines.seek(0)
    for line in lines:
        yield json.loads(line)


def _write_lines(lines: IO[bytes], out: IO[bytes]) -> None:
    lines.seek(0)
    shutil.copyfileobj(lines, out)


def _write_array(lines: IO[bytes], out: IO[bytes]) -> None:
    lines.seek(0)
    opened = b"[\n"
    for line in lines:
        out.write(opened + line.rstrip(b"\n"))
        opened = b",\n"
    out.write(b"\n]\n" if opened == b",\n" else b"[]\n")


def _write_gzip(lines: IO[bytes], out: IO[bytes]) -> None:
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", mtime=0) as packed:
        lines.seek(0)
        shutil.copyfileobj(lines, packed)


def _write_table(delimiter: str) -> Callable[[IO[bytes], IO[bytes]], None]:
    def write(lines: IO[bytes], out: IO[bytes]) -> None:
        names = list(dict.fromkeys(name for row in _read_rows(lines) for name in row))
        text = io.TextIOWrapper(out, encoding="utf-8", newline="")
        table = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        table.writerow(names)
        table.writerows([_write_cell(row.get(name)) for name in names] for row in _read_rows(lines))
        text.detach()

    return write


def _write_cell(value: object) -> str:
    """Text as it is; everything else as JSON, which is read again as what it was."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _write_parquet(lines: IO[bytes], out: IO[bytes]) -> None:
    try:
        from pyarrow import ArrowException, Table, parquet
    except ImportError:
        raise OutputFormatError("writing Parquet needs pyarrow (pip install pyarrow)") from None
    try:
        parquet.write_table(Table.from_pylist(list(_read_rows(lines))), out)
    except (ArrowException, TypeError) as error:
        why = " ".join(str(error).split())
        raise OutputFormatError(
            f"the rows can't be written as Parquet, which needs one type per column: {why}"
        ) from None


_CONVERTERS: dict[str, Callable[[IO[bytes], IO[bytes]], None]] = {
    **dict.fromkeys(LINES_SUFFIXES, _write_lines),
    ".json": _write_array,
    ".jsonl.gz": _write_gzip,
    ".csv": _write_table(","),
    ".tsv": _write_table("\t"),
    ".parquet": _write_parquet,
}
