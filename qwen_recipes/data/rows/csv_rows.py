"""CSV and TSV as rows, whatever separates their columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Any

from . import limits
from .json_values import explain_long_row, has_broken_bytes
from .nul_characters import explain_nul
from .row import RawRow
from .text_lines import TextLines

DELIMITERS = (",", ";", "\t", "|")
SAMPLED_LINES = 50
"""Lines by which the delimiter is found."""


def read_csv_rows(file: IO[str], *, tabs: bool = False) -> Iterator[RawRow]:
    """Maps from the names in the first line; `tabs` says that the file's name speaks for tabs."""
    csv.field_size_limit(limits.MAX_ROW_BYTES)
    lines = _Lines(file)
    head = lines.peek(SAMPLED_LINES)
    stated = head[0].strip() if head else ""
    if stated[:4].lower() == "sep=" and len(stated) == 5:
        delimiter = stated[4]
        next(lines)
    else:
        delimiter = find_delimiter(head, "\t" if tabs else ",")
    spaced = bool(head) and f"{delimiter} " in head[0]
    yield from _read_rows(lines, csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced))


def find_delimiter(lines: list[str], usual: str) -> str:
    """What separates columns: what gives most of them, as many in each row as in the first."""
    counts: dict[str, int] = {}
    for delimiter in sorted(DELIMITERS, key=lambda one: one != usual):
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        whole = rows[:-1] if len(rows) > 2 else rows
        if whole and all(len(row) == len(whole[0]) for row in whole):
            counts[delimiter] = len(whole[0])
    return max(counts, key=lambda one: counts[one], default=usual) if max(counts.values(), default=1) > 1 else usual


def _read_rows(lines: _Lines, reader: Any) -> Iterator[RawRow]:
    names: list[str] | None = None
    number = 0
    while True:
        lines.within_row = False
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += names is not None
            why = str(error)
            yield RawRow(number or 1, None, explain_long_row("row") if "field limit" in why else f"not CSV: {why}")
            continue
        if not values:
            continue
        if names is None:
            names = [name.strip() for name in values]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                yield RawRow(1, None, f"the first line names the column {twice!r} twice")
                return
            continue
        number += 1
        yield _make_row(number, names, values)


def _make_row(number: int, names: list[str], values: list[str]) -> RawRow:
    if len(values) > len(names):
        return RawRow(number, None, f"{len(values)} values where the first line names {len(names)} columns")
    if any(map(has_broken_bytes, values)):
        return RawRow(number, None, "not UTF-8; `encoding` names another, as latin-1", str(values)[:400])
    found: dict[str, Any] = dict.fromkeys(names)
    found.update(zip(names, values, strict=False))
    problem = explain_nul(found)
    return RawRow(number, None, problem, str(values)[:400]) if problem else RawRow(number, found)


class _Lines:
    """Lines as a CSV reader asks for them: none that is longer than a row may be, and no blank ones between rows."""

    def __init__(self, file: IO[str]) -> None:
        self.lines = TextLines(file)
        self.waiting: list[str | None] = []
        self.within_row = False
        """Whether the reader asks for more of the row that it has begun: it is within quotation marks."""

    def peek(self, count: int) -> list[str]:
        """The next lines, which are read all the same; those before one that is too long."""
        self.lines.pass_blank_lines()
        while len(self.waiting) < count and None not in self.waiting and (line := self.lines.read_line()) != "":
            self.waiting.append(line)
        return [line for line in self.waiting if line is not None]

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._read()
        while line and not self.within_row and line.isspace():
            if not self.waiting:
                self.lines.pass_blank_lines()
            line = self._read()
        self.within_row = True
        if line is None:
            raise csv.Error("field limit: the line is too long")
        if not line:
            raise StopIteration
        return line

    def _read(self) -> str | None:
        if self.waiting:
            return self.waiting.pop(0)
        return self.lines.read_up_to_quote() if self.within_row else self.lines.read_line()
