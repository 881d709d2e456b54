"""Rows out of files of any size, whatever is in them: what can't be read is named, the rest is still read.

A file of lines is cut into stretches of bytes that can be read apart from each other; other forms are read here, in
batches. Nothing holds more than a stretch or a batch, nor a line longer than LONGEST_LINE.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from qwen_recipes.data.rows.sources import drop_struct_nulls
from qwen_recipes.errors import QwenRecipesError

CHUNK_BYTES = 8 << 20
"""Bytes of lines that are read at once."""
LONGEST_LINE = 16 << 20
"""Bytes; a line longer than that is no row."""
BATCH_ROWS = 1000
"""Rows, where a file has no lines."""
BLOCK_BYTES = 1 << 20
MAGIC_BYTES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"ARROW1": "Arrow",
    b"PAR1": "Parquet",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""How files begin that are no text in UTF-8."""

FileProblemKind = Literal["broken", "empty", "not-text", "changed"]


class RawRow(NamedTuple):
    """A row and its line (or number, where a file has no lines); `problem` says why there is none."""

    number: int
    row: Any
    problem: str = ""
    text: str = ""


@dataclass(frozen=True)
class FileProblem:
    """What is wrong with a file as a whole."""

    kind: FileProblemKind
    message: str


@dataclass(frozen=True)
class ByteRange:
    """Bytes of a file of lines: the lines that begin in it, up to the size that the file had at first."""

    path: Path
    start: int
    end: int
    size: int


FilePart = ByteRange | tuple[RawRow, ...]


class MissingReaderError(QwenRecipesError):
    """A form of file that needs a package which is not there."""


def find_file_problem(path: Path) -> FileProblem | None:
    """Why a file can't be read as rows at all, by its size and its first bytes. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return FileProblem("empty", "the file is empty")
    if path.suffix == ".parquet" and head.startswith(b"PAR1"):
        return None
    form = next((form for magic, form in MAGIC_BYTES.items() if head.startswith(magic)), "")
    return FileProblem("not-text", f"the file is {form}, not text in UTF-8") if form else None


def split_file(path: Path, most_rows: int | None = None) -> Iterator[FilePart]:
    """The file in parts, in its order; only its first rows where `most_rows` says how many.

    Raises MissingReaderError, OSError.
    """
    parts = _split_whole_file(path)
    yield from parts if most_rows is None else _take_rows(parts, most_rows)


def limit_files(files: Iterable[Path], most_rows: int | None) -> Iterator[tuple[Path, int | None]]:
    """The files that the first `most_rows` rows of all lie in, and how many of each are meant; None means all.

    Raises MissingReaderError, OSError.
    """
    left = most_rows
    for file in files:
        if left == 0:
            return
        yield file, left
        if left is not None:
            left -= sum(1 for part in split_file(file, left) for _ in read_raw_rows(part))


def _take_rows(parts: Iterable[FilePart], most_rows: int) -> Iterator[FilePart]:
    left = most_rows
    for part in parts:
        if left <= 0:
            return
        taken, count = _take_lines(part, left) if isinstance(part, ByteRange) else (part[:left], len(part[:left]))
        left -= count
        yield taken


def _take_lines(part: ByteRange, most_rows: int) -> tuple[ByteRange, int]:
    """The stretch up to the end of its row number `most_rows`, and how many rows it has."""
    count, end = 0, part.end
    with part.path.open("rb") as file:
        for position, line in _read_lines(file, part):
            count += line is None or bool(line.strip())
            if count == most_rows:
                end = position
                break
    return replace(part, end=min(end, part.end)), count


def _split_whole_file(path: Path) -> Iterator[FilePart]:
    readers = {".json": _read_json, ".csv": _read_csv, ".parquet": _read_parquet}
    read = readers.get(path.suffix)
    if read and not (path.suffix == ".json" and _is_json_lines(path)):
        yield from _batch_rows(read(path))
        return
    size = path.stat().st_size
    for start in range(0, size, CHUNK_BYTES):
        yield ByteRange(path, start, min(start + CHUNK_BYTES, size), size)


def read_raw_rows(part: FilePart, line_counts: list[int] | None = None) -> Iterator[RawRow]:
    """The rows of a part. Lines of a stretch count from 1 in it; `line_counts` is given their number at the end."""
    if not isinstance(part, ByteRange):
        yield from part
        return
    with part.path.open("rb") as file:
        number = 0
        for _, line in _read_lines(file, part):
            number += 1
            if line is None:
                yield RawRow(number, None, f"the line is longer than {LONGEST_LINE >> 20} MiB")
            elif line.strip():
                yield parse_line(number, line)
        if line_counts is not None:
            line_counts.append(number)


def parse_line(number: int, line: bytes) -> RawRow:
    """One line of JSON."""
    try:
        return RawRow(number, json.loads(line.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        return RawRow(number, None, _explain_parse_error(line, error), line[:400].decode("utf-8", "replace"))


def _explain_parse_error(line: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply to be read"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8: byte {error.start + 1} of the line is {line[error.start : error.start + 1].hex()}"
    if b"\0" in line:
        return f"{line.count(0)} NUL byte{'s' if line.count(0) > 1 else ''}, the first at byte {line.index(0) + 1}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    return f"not JSON: {error}"


def _read_lines(file: IO[bytes], part: ByteRange) -> Iterator[tuple[int, bytes | None]]:
    """Where each line ends that begins in the stretch, and the line; None for one that is too long."""
    position = _find_first_line(file, part)
    while position < part.end:
        line = file.readline(min(LONGEST_LINE + 1, part.size - position))
        if not line:
            return
        position += len(line)
        if len(line) <= LONGEST_LINE:
            yield position, line.removeprefix(b"\xef\xbb\xbf") if position == len(line) else line
        else:
            position = _skip_line(file, position, part.size)
            yield position, None


def _find_first_line(file: IO[bytes], part: ByteRange) -> int:
    if not part.start:
        return 0
    file.seek(part.start - 1)
    return _skip_line(file, part.start - 1, part.end)


def _skip_line(file: IO[bytes], position: int, end: int) -> int:
    """Behind the next line break, or at least at `end`."""
    while position < end:
        block = file.readline(min(BLOCK_BYTES, end - position))
        position += len(block)
        if not block or block.endswith(b"\n"):
            break
    return position


def _batch_rows(rows: Iterable[RawRow]) -> Iterator[tuple[RawRow, ...]]:
    batch: list[RawRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _is_json_lines(path: Path) -> bool:
    """Whether a .json file is one object a line, not an array."""
    with path.open("rb") as file:
        head = file.read(BLOCK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
        return head.startswith(b"{") and b"}\n" in head.rstrip()


def _read_json(path: Path) -> Iterator[RawRow]:
    """The elements of an array, one after the other, or the one object that the file is."""
    decoder, buffer, number = json.JSONDecoder(), "", 0
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        while True:
            buffer = buffer.lstrip(" \t\r\n,[" if not number else " \t\r\n,")
            found = _decode_element(decoder, buffer)
            if isinstance(found, tuple):
                number += 1
                buffer = buffer[found[1] :]
                yield RawRow(number, found[0])
                continue
            more = file.read(max(BLOCK_BYTES, len(buffer)))
            if not more or len(buffer) > LONGEST_LINE:
                break
            buffer += more
    if buffer.strip(" \t\r\n,]"):
        why = found if isinstance(found, str) else ""
        yield RawRow(number + 1, None, f"not JSON from here on: {why}", buffer[:400])


def _decode_element(decoder: json.JSONDecoder, buffer: str) -> tuple[Any, int] | str:
    if not buffer or buffer.startswith("]"):
        return "the file ends"
    try:
        return decoder.raw_decode(buffer)
    except RecursionError:
        return "nested too deeply to be read"
    except ValueError as error:
        return str(error)


def _read_csv(path: Path) -> Iterator[RawRow]:
    from qwen_recipes.data.rows.sources import parse_csv_value

    csv.field_size_limit(LONGEST_LINE)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file)
        number = 0
        while True:
            number += 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield RawRow(number, None, f"not CSV: {error}")
            else:
                yield RawRow(number, {k: parse_csv_value(v) for k, v in row.items() if k is not None})


def _read_parquet(path: Path) -> Iterator[RawRow]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise MissingReaderError(f"{path} is Parquet: reading it needs pyarrow (pip install pyarrow)") from None
    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield RawRow(number, drop_struct_nulls(row))
    except (ArrowException, OSError) as error:
        yield RawRow(number + 1, None, f"can't be read as Parquet from here on: {' '.join(str(error).split())}")
