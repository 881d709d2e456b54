"""Rows out of files of any size, whatever is in them: what can't be read is named, the rest is still read.

A file of lines in UTF-8 is cut into stretches of bytes that can be read apart from each other; other forms are read
here, in batches. Nothing holds more than a stretch or a batch, nor a row longer than `limits.MAX_ROW_BYTES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import limits
from .arrow_rows import read_arrow_rows
from .csv_rows import read_csv_rows
from .file_forms import FileForm, FileProblem, FileProblemKind, find_file_problem
from .find_files import get_row_suffix
from .json_values import explain_long_row, parse_line, read_json_values
from .nul_characters import explain_nul
from .open_file import BrokenStreamError, find_form, open_text
from .row import MissingReaderError, RawRow

__all__ = [
    "CHUNK_BYTES",
    "ByteRange",
    "FilePart",
    "FileProblem",
    "FileProblemKind",
    "MissingReaderError",
    "RawRow",
    "find_file_problem",
    "read_file_rows",
    "read_raw_rows",
    "split_file",
]

CHUNK_BYTES = 8 << 20
"""Bytes of lines that are read at once."""
BATCH_ROWS = 1000
"""Rows, where a file is not read in stretches."""
BLOCK_BYTES = 1 << 20
BLANK = f"more than {limits.MAX_BLANK_LINES:,} blank lines in a row; what follows is not read"


@dataclass(frozen=True)
class ByteRange:
    """Bytes of a file of lines: the lines that begin in it, up to the size that the file had at first."""

    path: Path
    start: int
    end: int
    size: int
    text: bool = False
    """Whether a line is a text of its own and not JSON."""


FilePart = ByteRange | tuple[RawRow, ...]


def split_file(path: Path, encoding: str = "") -> Iterator[FilePart]:
    """The file in parts, in its order. Raises MissingReaderError, OSError."""
    try:
        form = find_form(path, encoding)
    except BrokenStreamError as error:
        yield (RawRow(1, None, str(error)),)
        return
    if form.kind not in ("lines", "text") or form.compression or form.encoding != "utf-8":
        yield from _batch_rows(_read_stream(path, form))
        return
    size = path.stat().st_size
    for start in range(0, size, CHUNK_BYTES):
        yield ByteRange(path, start, min(start + CHUNK_BYTES, size), size, form.kind == "text")


def read_file_rows(path: Path, encoding: str = "") -> Iterator[RawRow]:
    """Every row of a file with its line or number. Raises MissingReaderError, OSError."""
    lines = 0
    for part in split_file(path, encoding):
        counted = [0]
        for row in read_raw_rows(part, counted):
            yield row._replace(number=lines + row.number)
        lines += counted[-1]


def read_raw_rows(part: FilePart, line_counts: list[int] | None = None) -> Iterator[RawRow]:
    """The rows of a part. Lines of a stretch count from 1 in it; `line_counts` is given their number at the end."""
    if not isinstance(part, ByteRange):
        yield from part
        return
    with part.path.open("rb") as file:
        number = filled = 0
        for line in _read_lines(file, part):
            number += 1
            if line is None:
                yield RawRow(number, None, explain_long_row("line"))
            elif line.strip():
                filled = number
                yield parse_text_line(number, line) if part.text else parse_line(number, line)
            elif number - filled > limits.MAX_BLANK_LINES:
                yield RawRow(number, None, BLANK)
                break
        if line_counts is not None:
            line_counts.append(number)


def parse_text_line(number: int, line: bytes) -> RawRow:
    """A line of a text file."""
    try:
        row = {"text": line.decode("utf-8").rstrip("\r\n")}
    except UnicodeDecodeError as error:
        why = f"not UTF-8: byte {error.start + 1} of the line; `encoding` names another, as latin-1"
        return RawRow(number, None, why, line[:400].decode("utf-8", "replace"))
    problem = explain_nul(row)
    return RawRow(number, None, problem, row["text"][:400]) if problem else RawRow(number, row)


def _read_stream(path: Path, form: FileForm) -> Iterator[RawRow]:
    """The rows of a file that is no plain file of lines; where it breaks, a row says so."""
    if form.kind in ("parquet", "arrow", "arrow-stream"):
        if form.compression:
            yield RawRow(1, None, f"{form.kind} within {form.compression}: unpack the file")
        else:
            yield from read_arrow_rows(path, form)
        return
    number = 0
    try:
        with open_text(path, form) as file:
            for row in _read_text_rows(file, form, get_row_suffix(path.name)):
                number = row.number
                yield row
    except BrokenStreamError as error:
        yield RawRow(number + 1, None, str(error))
    except UnicodeError as error:
        yield RawRow(number + 1, None, f"not {form.encoding.upper()} from here on: {error}")


def _read_text_rows(file: IO[str], form: FileForm, suffix: str) -> Iterator[RawRow]:
    if form.kind == "csv":
        yield from read_csv_rows(file, tabs=suffix == ".tsv")
    elif form.kind == "json":
        yield from read_json_values(file)
    else:
        yield from _read_filled_lines(file, parse_text_line if form.kind == "text" else parse_line)


def _read_filled_lines(file: IO[str], parse: Callable[[int, bytes], RawRow]) -> Iterator[RawRow]:
    filled = 0
    for number, line in enumerate(_read_text_lines(file), 1):
        if line is None:
            yield RawRow(number, None, explain_long_row("line"))
        elif line.strip():
            filled = number
            yield parse(number, line.encode("utf-8", "surrogateescape"))
        elif number - filled > limits.MAX_BLANK_LINES:
            yield RawRow(number, None, BLANK)
            return


def _read_text_lines(file: IO[str]) -> Iterator[str | None]:
    """Lines; None for one that is too long."""
    while line := file.readline(limits.MAX_ROW_BYTES + 1):
        if len(line) <= limits.MAX_ROW_BYTES:
            yield line
            continue
        while line and not line.endswith("\n"):
            line = file.readline(BLOCK_BYTES)
        yield None


def _read_lines(file: IO[bytes], part: ByteRange) -> Iterator[bytes | None]:
    """Lines that begin in the stretch; None for one that is too long."""
    position = _find_first_line(file, part)
    while position < part.end:
        line = file.readline(min(limits.MAX_ROW_BYTES + 1, part.size - position))
        if not line:
            return
        position += len(line)
        if len(line) <= limits.MAX_ROW_BYTES:
            yield line.removeprefix(b"\xef\xbb\xbf") if position == len(line) else line
        else:
            yield None
            position = _skip_line(file, position, part.size)


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
