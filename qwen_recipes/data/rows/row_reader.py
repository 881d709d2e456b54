"""Rows out of files of any size, whatever is in them: what can't be read is named, the rest is still read.

A file of lines in UTF-8 is cut into stretches of bytes that can be read apart from each other; other forms are read
here, in batches. Nothing holds more than a stretch or a batch, nor a row longer than `limits.MAX_ROW_BYTES`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import limits
from .arrow_rows import read_arrow_rows
from .csv_rows import read_csv_rows
from .file_forms import FileForm, FileProblem, FileProblemKind, find_file_problem, open_rows
from .find_files import get_row_suffix
from .json_values import explain_long_row, parse_line, read_json_values
from .nul_characters import explain_nul
from .open_file import BrokenStreamError, find_form, open_text
from .row import MissingReaderError, RawRow
from .text_lines import NOTHING, BlankRunError, TextLines, explain_blanks

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
    size, blank = path.stat().st_size, 0
    for start in range(0, size, CHUNK_BYTES):
        part = ByteRange(path, start, min(start + CHUNK_BYTES, size), size, form.kind == "text")
        blank = blank + part.end - start if _is_blank(part) else 0
        if blank > limits.MAX_ROW_BYTES:
            yield (RawRow(1, None, explain_blanks()),)
            return
        yield part


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
    number = 0
    with open_rows(part.path) as file:
        for number, line in _read_lines(file, part):
            if line is None:
                yield RawRow(number, None, explain_long_row("line"))
            elif line:
                yield parse_text_line(number, line) if part.text else parse_line(number, line)
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
            yield from _stop_at_limit(read_arrow_rows(path, form), path, "the file")
        return
    number = 0
    try:
        with open_text(path, form) as file:
            rows = _read_text_rows(file, form, get_row_suffix(path.name))
            for row in _stop_at_limit(rows, path, f"the {form.compression} data") if form.compression else rows:
                number = row.number
                yield row
    except (BrokenStreamError, BlankRunError) as error:
        yield RawRow(number + 1, None, str(error))
    except UnicodeError as error:
        yield RawRow(number + 1, None, f"not {form.encoding.upper()} from here on: {error}")


def _stop_at_limit(rows: Iterable[RawRow], path: Path, what: str) -> Iterator[RawRow]:
    """The rows up to what a packed file may expand to; then one that says so."""
    left = limits.get_expanded_limit(path.stat().st_size)
    for row in rows:
        left -= max(limits.MIN_ROW_BYTES, limits.measure_value(row.row))
        if left < 0:
            yield RawRow(row.number, None, limits.explain_expansion(what))
            return
        yield row


def _read_text_rows(file: IO[str], form: FileForm, suffix: str) -> Iterator[RawRow]:
    if form.kind == "csv":
        yield from read_csv_rows(file, tabs=suffix == ".tsv")
    elif form.kind == "json":
        yield from read_json_values(file)
    else:
        yield from _read_filled_lines(file, parse_text_line if form.kind == "text" else parse_line)


def _read_filled_lines(file: IO[str], parse: Callable[[int, bytes], RawRow]) -> Iterator[RawRow]:
    lines, number = TextLines(file), 0
    while (line := lines.read_line()) != "":
        number += 1
        if line is None:
            yield RawRow(number, None, explain_long_row("line"))
        elif line.isspace():
            number += lines.pass_blank_lines()
        else:
            yield parse(number, line.encode("utf-8", "surrogateescape"))


def _read_lines(file: io.BufferedReader, part: ByteRange) -> Iterator[tuple[int, bytes | None]]:
    """Lines that begin in the stretch, with their numbers: None for one that is too long, empty for blank ones."""
    position, number = _find_first_line(file, part), 0
    while position < part.end:
        line = file.readline(min(limits.MAX_ROW_BYTES + 1, part.size - position))
        if not line:
            return
        number, position = number + 1, position + len(line)
        if len(line) > limits.MAX_ROW_BYTES:
            yield number, None
            position = position if line.endswith(b"\n") else _skip_line(file, position, part.size)
        elif not (line := line.removeprefix(b"\xef\xbb\xbf") if position == len(line) else line).strip():
            size, lines = _pass_blank_lines(file, part.end - position)
            number, position = number + lines, position + size
            yield number, b""
        else:
            yield number, line


def _pass_blank_lines(file: io.BufferedReader, most: int) -> tuple[int, int]:
    """Go on to the next line that holds something: the bytes, at most so many, and the lines passed."""
    size = lines = 0
    while size < most:
        head = file.peek(1)[: most - size]
        blank = head[: len(head) - len(head.lstrip())]
        whole = blank.rfind(b"\n") + 1
        file.read(whole)
        size, lines = size + whole, lines + blank.count(b"\n")
        if not whole or len(blank) < len(head):
            break
    return size, lines


def _is_blank(part: ByteRange) -> bool:
    """Whether a stretch holds blanks and NUL bytes alone."""
    with open_rows(part.path) as file:
        file.seek(part.start)
        left, size = part.end - part.start, 1 << 12
        while left > 0 and (block := file.read(min(size, left))):
            if block.strip(NOTHING.encode()):
                return False
            left, size = left - len(block), BLOCK_BYTES
    return True


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
    size = 0
    for row in rows:
        batch.append(row)
        size += limits.measure_value(row.row)
        if len(batch) == BATCH_ROWS or size > CHUNK_BYTES:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)
