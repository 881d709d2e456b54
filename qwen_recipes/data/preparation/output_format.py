"""Prepared rows in the format that the name of the output says."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError

LINES_SUFFIXES = (".jsonl", ".ndjson")


class OutputFormatError(QwenRecipesError):
    """A name that says no format, or rows that can't be written in it."""


def find_output_suffix(path: Path) -> str:
    """The suffix that says the format. Raises OutputFormatError for none that is known."""
    suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() == ".gz" else path.suffix.lower()
    if suffix not in _CONVERTERS:
        known = ", ".join(_CONVERTERS)
        raise OutputFormatError(f"{path.name}: the name says no format that is written; it ends with one of {known}")
    return suffix


def convert_lines(file: Path, suffix: str) -> None:
    """Rewrite a file of JSON lines in the format of a suffix. Raises OutputFormatError, OSError."""
    convert = _CONVERTERS[suffix]
    if convert is None:
        return
    target = file.with_name(file.name + ".made")
    try:
        convert(file, target)
        target.replace(file)
    finally:
        target.unlink(missing_ok=True)


def _read_rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def _write_array(file: Path, target: Path) -> None:
    with file.open("rb") as lines, target.open("wb") as out:
        for number, line in enumerate(lines):
            out.write((b",\n" if number else b"[\n") + line.rstrip(b"\n"))
        out.write(b"\n]\n" if file.stat().st_size else b"[]\n")


def _write_gzip(file: Path, target: Path) -> None:
    with file.open("rb") as lines, gzip.GzipFile(target, "wb", mtime=0) as out:
        shutil.copyfileobj(lines, out)


def _write_table(delimiter: str) -> Callable[[Path, Path], None]:
    def write(file: Path, target: Path) -> None:
        names = list(dict.fromkeys(name for row in _read_rows(file) for name in row))
        with target.open("w", encoding="utf-8", newline="") as out:
            table = csv.writer(out, delimiter=delimiter, lineterminator="\n")
            table.writerow(names)
            table.writerows([_write_cell(row.get(name)) for name in names] for row in _read_rows(file))

    return write


def _write_cell(value: Any) -> str:
    """Text as it is; everything else as JSON, which is read again as what it was."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _write_parquet(file: Path, target: Path) -> None:
    try:
        from pyarrow import ArrowException, Table, parquet
    except ImportError:
        raise OutputFormatError("writing Parquet needs pyarrow (pip install pyarrow)") from None
    try:
        parquet.write_table(Table.from_pylist(list(_read_rows(file))), target)
    except (ArrowException, TypeError) as error:
        why = " ".join(str(error).split())
        raise OutputFormatError(f"the rows can't be written as Parquet, which wants one type a column: {why}") from None


_CONVERTERS: dict[str, Callable[[Path, Path], None] | None] = {
    **dict.fromkeys(LINES_SUFFIXES, None),
    ".json": _write_array,
    ".jsonl.gz": _write_gzip,
    ".csv": _write_table(","),
    ".tsv": _write_table("\t"),
    ".parquet": _write_parquet,
}
