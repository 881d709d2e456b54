"""JSON as rows: one value of a line, or the values of a list that is read in a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO

from . import limits
from .json_errors import explain_json_error
from .nul_characters import explain_nul
from .row import RawRow
from .text_lines import BLOCK, BlankRunError

_BLANKS = re.compile(r"[ \t\r\n]*")
SHOWN = 400
"""Characters of a row that can't be read."""


def _read_constant(name: str) -> None:
    """NaN is what pandas writes for a value that is not there."""
    if name != "NaN":
        raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_read_constant)


def parse_line(number: int, line: bytes) -> RawRow:
    """One line of JSON in UTF-8."""
    try:
        text = line.decode("utf-8")
        row = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return RawRow(number, None, _explain_parse_error(line, error), line[:SHOWN].decode("utf-8", "replace"))
    problem = find_value_problem(row, line.count(b"{") + line.count(b"["), b"\\ud" in line or b"\\uD" in line)
    if not problem and b"\\u0000" in line:
        problem = explain_nul(row)
    return RawRow(number, None, problem, text[:SHOWN]) if problem else RawRow(number, row)


def find_value_problem(row: object, opening_marks: int, may_be_halved: bool) -> str:
    """Why a value that was parsed is no row all the same; empty where it is one."""
    if limits.is_too_deep(row, opening_marks):
        return f"nested deeper than {limits.MAX_DEPTH} levels (RECIPES_MAX_ROW_DEPTH)"
    if may_be_halved:
        try:
            json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            return f"half of a surrogate pair, \\u{ord(error.object[error.start]):04x}, is not a character"
        except (ValueError, TypeError, RecursionError):
            return "nested too deeply to be read"
    return ""


def _explain_parse_error(line: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply to be read"
    if isinstance(error, UnicodeDecodeError):
        where = f"byte {error.start + 1} of the line is {line[error.start : error.start + 1].hex()}"
        return f"not UTF-8: {where}; `encoding` names another, as latin-1"
    if b"\0" in line:
        return f"{line.count(0)} NUL byte{'s' if line.count(0) > 1 else ''}, the first at byte {line.index(0) + 1}"
    if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
        return _explain_second_value(error.doc, error.pos)
    if isinstance(error, json.JSONDecodeError):
        return explain_json_error(error)
    return f"not JSON: {error}"


def _explain_second_value(text: str, position: int) -> str:
    """Why a line is none that holds a JSON value and something behind it."""
    if text[position] in "{[":
        return f"two JSON values on one line: a line break is missing before column {position + 1}"
    return f"not JSON: something follows the value (column {position + 1})"


def read_json_values(file: IO[str]) -> Iterator[RawRow]:
    """The values of a list, or those that stand on lines of their own; what follows a broken one can't be found."""
    stream = _ValueStream(file)
    if stream.skip_blanks() == "[":
        stream.place += 1
        yield from _read_list(stream)
        return
    number = 0
    while stream.skip_blanks():
        number += 1
        if number > 1 and not stream.passed_line_break:
            yield RawRow(number, None, f"no line break before JSON value {number}", stream.show_rest())
            return
        yield (row := stream.read_value(number))
        if row.problem and stream.broken:
            return


def _read_list(stream: _ValueStream) -> Iterator[RawRow]:
    number, mark = 0, stream.skip_blanks()
    while mark and mark != "]":
        number += 1
        yield (row := stream.read_value(number))
        if row.problem and stream.broken:
            return
        mark = stream.skip_blanks()
        if mark == ",":
            stream.place += 1
            mark = stream.skip_blanks()
            if mark == "]":
                yield RawRow(number + 1, None, "a comma before the end of the list", stream.show_rest())
                return
        elif mark and mark != "]":
            yield RawRow(number + 1, None, f"no comma before value {number + 1} of the list", stream.show_rest())
            return
    if not mark:
        yield RawRow(number + 1, None, "the list is not closed: the file was cut off")
        return
    stream.place += 1
    if behind := stream.skip_blanks():
        yield RawRow(number + 1, None, _explain_behind_list(behind), stream.show_rest())


def _explain_behind_list(mark: str) -> str:
    if mark == "[":
        return 'a list on each line: write each line as an object, e.g. {"messages": [ ... ]}'
    return "something follows the list: a file is one list, or one object on each line"


class _ValueStream:
    """A text of JSON values, of which no more than one value and a block are held."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.buffer, self.place = file, "", 0
        self.broken = False
        self.lines, self.columns = 0, 0
        """Line breaks that are behind what is held, and characters since the last of them."""
        self.passed_line_break = False
        """Whether the last `skip_blanks` went over one."""

    def show_rest(self) -> str:
        """The beginning of what was not read yet."""
        return self.buffer[self.place :][:SHOWN]

    def skip_blanks(self) -> str:
        """The next character that is no blank; empty at the end. Raises BlankRunError."""
        self.passed_line_break, passed = False, 0
        while True:
            start, blank = self.place, _BLANKS.match(self.buffer, self.place)
            self.place = blank.end() if blank else start
            self.passed_line_break |= any(self.buffer.find(one, start, self.place) >= 0 for one in "\r\n")
            passed += self.place - start
            if passed > limits.MAX_ROW_BYTES:
                raise BlankRunError
            if self.place < len(self.buffer):
                return self.buffer[self.place]
            self._drop(len(self.buffer))
            self.buffer, self.place = self.file.read(BLOCK), 0
            if not self.buffer:
                return ""

    def read_value(self, number: int) -> RawRow:
        """The value that begins here, as row `number`, from 1."""
        while True:
            why = self._decode()
            if not isinstance(why, str):
                value, end = why
                if end < len(self.buffer) or not self._read_more():
                    return self._check(number, value, end)
            elif len(self.buffer) - self.place > limits.MAX_ROW_BYTES or not self._read_more():
                self.broken = True
                return RawRow(number, None, f"{why}; what follows is not read", self.buffer[self.place :][:SHOWN])

    def _decode(self) -> tuple[object, int] | str:
        try:
            return DECODER.raw_decode(self.buffer, self.place)
        except RecursionError:
            return "not JSON: nested too deeply to be read"
        except json.JSONDecodeError as error:
            return explain_json_error(error, self._find_place(error.pos))
        except ValueError as error:
            return f"not JSON: {error}"

    def _find_place(self, offset: int) -> str:
        """Line and column in the file of an offset in what is held."""
        start = self.buffer.rfind("\n", 0, offset) + 1
        lines = self.lines + self.buffer.count("\n", 0, offset)
        return f"line {lines + 1}, column {offset - start + 1 + (0 if start else self.columns)}"

    def _drop(self, size: int) -> None:
        """Count the lines of what is no longer held."""
        last = self.buffer.rfind("\n", 0, size)
        self.lines += self.buffer.count("\n", 0, size)
        self.columns = size - last - 1 if last >= 0 else self.columns + size

    def _read_more(self) -> bool:
        kept = self.buffer[self.place :]
        self._drop(self.place)
        more = self.file.read(max(BLOCK, len(kept)))
        self.buffer, self.place = kept + more, 0
        return bool(more)

    def _check(self, number: int, value: object, end: int) -> RawRow:
        start, self.place = self.place, end
        if end - start > limits.MAX_ROW_BYTES:
            return RawRow(number, None, explain_long_row("row"), self.buffer[start:][:SHOWN])
        marks = self.buffer.count("{", start, end) + self.buffer.count("[", start, end)
        halved = any(self.buffer.find(mark, start, end) >= 0 for mark in ("\\ud", "\\uD"))
        problem = find_value_problem(value, marks, halved)
        if not problem and has_broken_bytes(self.buffer, start, end):
            problem = "not UTF-8; `encoding` names another, as latin-1"
        if not problem and self.buffer.find("\\u0000", start, end) >= 0:
            problem = explain_nul(value)
        return RawRow(number, None, problem, self.buffer[start:end][:SHOWN]) if problem else RawRow(number, value)


def has_broken_bytes(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether a text that was read with half surrogates for bytes that are no UTF-8 holds such."""
    part = text[start:end]
    return not part.isascii() and any("\udc80" <= char <= "\udcff" for char in part)


def explain_long_row(what: str) -> str:
    """Why a row is not read that is larger than the limit."""
    return f"the {what} is longer than {limits.MAX_ROW_BYTES >> 20} MiB (RECIPES_MAX_ROW_MIB)"
