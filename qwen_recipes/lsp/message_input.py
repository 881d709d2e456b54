"""What an editor sends, made safe for pygls: headers that can't be read and messages that are too large are skipped.

Behind such a header nobody knows where its message ends. The next one is found by its `Content-Length` line: in JSON no
text holds a line break of its own, so such a line is never part of a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from qwen_recipes.filesystem.read_file import explain_size, get_max_bytes

MAX_LINE_BYTES = 8192
"""Bytes of a header's line."""
MAX_LINES = 20
"""Lines of a header."""
_NAME = b"content-length:"
_KEPT_BYTES = 64
"""Bytes that are kept of a line that is too long: its end may be the next header."""


class MessageInput:
    """Standard input as pygls reads it: a header with the length alone, and a body of that length."""

    def __init__(self, stream: BinaryIO, report: Callable[[str], None]) -> None:
        self.stream, self.report = stream, report
        self.header: list[bytes] = []
        self.skipping = False
        """Whether a header was refused, and none was accepted since."""

    def readline(self) -> bytes:
        """The next line of a header; empty at the end."""
        if not self.header:
            length = self._find_message()
            if length is None:
                return b""
            self.header = [b"Content-Length: %d\r\n" % length, b"\r\n"]
        return self.header.pop(0)

    def read(self, size: int) -> bytes:
        """A message's body; empty where the input ends in it."""
        body = self.stream.read(size)
        if len(body) == size:
            return body
        self.report(f"the input ended after {len(body):,} of the {size:,} bytes of a message")
        return b""

    def _find_message(self) -> int | None:
        """The length of the next message, in bytes; None at the end."""
        length, lines = "", 0
        while line := self._read_line():
            lines += 1
            if (stated := _read_length(line)) is not None:
                length, lines = stated, 1
            elif line.strip():
                self._check_other_line(line, lines)
            elif lines > 1:
                if not (problem := _find_problem(length)):
                    self.skipping = False
                    return int(length)
                self._report_skipped(problem)
                length, lines = "", 0
            else:
                lines = 0
        return None

    def _check_other_line(self, line: bytes, number: int) -> None:
        if number > MAX_LINES:
            self._report_skipped(f"a header of more than {MAX_LINES} lines")
        elif b":" not in line:
            self._report_skipped("a line that is not part of a header")

    def _read_line(self) -> bytes:
        """The next line; of one that is too long, its end."""
        line = self.stream.readline(MAX_LINE_BYTES)
        while len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
            self._report_skipped(f"a line of more than {MAX_LINE_BYTES:,} bytes in a header")
            line = line[-_KEPT_BYTES:] + self.stream.readline(MAX_LINE_BYTES)
        return line

    def _report_skipped(self, problem: str) -> None:
        if not self.skipping:
            self.report(f"{problem}; skipped up to the next message")
        self.skipping = True


def _read_length(line: bytes) -> str | None:
    """What stands behind `Content-Length:`, also where the rest of a message stands before it; None without it."""
    place = line.lower().rfind(_NAME)
    if place < 0 or not line.endswith(b"\n"):
        return None
    return line[place + len(_NAME) :].strip().decode("ascii", "backslashreplace")[:40]


def _find_problem(length: str) -> str:
    """Why no message of this length is read; empty where it is."""
    if not length:
        return "a header without Content-Length"
    if not (length.isascii() and length.isdigit() and int(length)):
        return f"Content-Length: {length} is not a number of bytes"
    too_large = int(length) > get_max_bytes("message")
    return f"a message is too large: {explain_size('message', int(length))}" if too_large else ""
