"""Lines of a text that is read in blocks. Blank lines are passed many at once, and not without end."""

from __future__ import annotations

import re
from typing import IO

from . import limits

BLOCK = 1 << 20
"""Characters that are read at once."""
NOTHING = " \t\r\n\0"
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)")
_BREAK = re.compile(r"\r\n?|\n")
_BLANK = re.compile(r"\s*")


class BlankRunError(Exception):
    """More blanks in a row than a row may be long."""

    def __str__(self) -> str:
        return explain_blanks()


def explain_blanks() -> str:
    """Why a file is not read on in which too many blanks stand in a row."""
    size = limits.MAX_ROW_BYTES >> 20
    return f"more than {size} MiB of blanks or NUL bytes in a row (RECIPES_MAX_ROW_MIB); what follows is not read"


class TextLines:
    """The lines of a text, of which none is held that is longer than a row may be."""

    def __init__(self, file: IO[str]) -> None:
        self.file, self.text, self.place, self.held = file, "", 0, ""

    def read_line(self) -> str | None:
        """The next line with its break, empty at the end; None for one that is too long. Raises BlankRunError."""
        while not (found := _LINE.match(self.text, self.place)):
            if len(self.text) - self.place > limits.MAX_ROW_BYTES:
                self._pass_line()
                return None
            if not self._read_more():
                line, self.place = self.text[self.place :], len(self.text)
                return line
        self.place = found.end()
        return found[0] if len(found[0]) <= limits.MAX_ROW_BYTES else None

    def read_up_to_quote(self) -> str | None:
        """As `read_line`, within quotation marks: all text before the line with the next mark, if there is any."""
        if self.place == len(self.text):
            self._read_more()
        mark = self.text.find('"', self.place)
        end = len(self.text) if mark < 0 else self._find_line_start(mark)
        if end == self.place:
            return self.read_line()
        start, self.place = self.place, end
        return self.text[start:end]

    def pass_blank_lines(self) -> int:
        """Go on to the next line that holds something. The number of lines passed. Raises BlankRunError."""
        lines = passed = 0
        while True:
            start, blank = self.place, _BLANK.match(self.text, self.place)
            end = blank.end() if blank else start
            self.place = self._find_line_start(end)
            passed += self.place - start
            lines += sum(self.text.count(one, start, self.place) for one in "\r\n")
            lines -= self.text.count("\r\n", start, self.place)
            if passed + end - self.place > limits.MAX_ROW_BYTES:
                raise BlankRunError
            if end < len(self.text) or not self._read_more():
                return lines

    def _find_line_start(self, end: int) -> int:
        """Where the line begins that `end` is in, as far as it was not read yet."""
        return max(self.text.rfind("\n", self.place, end), self.text.rfind("\r", self.place, end)) + 1 or self.place

    def _pass_line(self) -> None:
        """Go on behind the next line break."""
        passed = 0
        while not (found := _BREAK.search(self.text, self.place)):
            passed = 0 if self.text[self.place :].strip(NOTHING) else passed + len(self.text) - self.place
            if passed > limits.MAX_ROW_BYTES:
                raise BlankRunError
            self.place = len(self.text)
            if not self._read_more():
                return
        self.place = found.end()

    def _read_more(self) -> bool:
        """Whether there was more. The text never ends between a carriage return and its line feed."""
        kept = self.text[self.place :]
        block = self.file.read(max(BLOCK, len(kept)))
        more = self.held + block
        self.held = "\r" if block and more.endswith("\r") else ""
        self.text, self.place = kept + more.removesuffix(self.held), 0
        return bool(block)
