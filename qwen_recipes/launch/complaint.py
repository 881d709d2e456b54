"""What a framework said last, where it failed."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TAIL = 512 * 1024
_SHOWN = 15
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CARETS = re.compile(r"\s+[~^]+\s*")
_RANK = re.compile(r"^\[(?:default\d+|rank\d+)\]:\s?")
_BAR = re.compile(r"\d+%\|.*?\|\s*\S+/\S+|\d+(?:it|ex|examples)? ?\[\d+:\d+|\d+(?:\.\d+)?s/(?:it|ex)\b")
_TRACEBACK = "Traceback (most recent call last):"
_LAUNCHERS = ("CalledProcessError", "ChildFailedError", "SignalException", "ProcessRaisedException")
"""What a launcher raises because its child failed: never the reason."""
_AFTER = 5
"""Lines of a message that goes on after the exception's own line."""


def last_lines(log: Path, shown: int = _SHOWN) -> list[str]:
    """The last lines of the last traceback that tells the reason, or of the output where there is none."""
    lines = readable_lines(log)
    starts = [index for index, line in enumerate(lines) if _TRACEBACK in line]
    blocks = [_block(lines, start) for start in starts]
    telling = [block for block in blocks if not _by_launcher(block)]
    chosen = (telling or blocks or [[line for line in lines if line]])[-1]
    return chosen[-shown:]


def _by_launcher(block: list[str]) -> bool:
    return any(name in line for name in _LAUNCHERS for line in block[-1 - _AFTER :])


def _block(lines: list[str], start: int) -> list[str]:
    """A traceback: its frames, the exception, and the lines of its message."""
    end = start + 1
    while end < len(lines) and lines[end][:1].isspace():
        end += 1
    return [line for line in lines[start : _message_end(lines, end)] if line.strip()]


def _message_end(lines: list[str], end: int) -> int:
    for index in range(end + 1, min(end + 1 + _AFTER, len(lines))):
        if _TRACEBACK in lines[index] or not lines[index].strip():
            return index
    return min(end + 1 + _AFTER, len(lines))


def readable_lines(log: Path) -> list[str]:
    """The end of the log as a person saw it: progress bars, colours and rank prefixes taken out."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    seen = (_RANK.sub("", _COLOUR.sub("", line)) for line in text.splitlines())
    kept = [line.rstrip() for line in seen if not _BAR.search(line) and not _CARETS.fullmatch(line)]
    return [line for index, line in enumerate(kept) if line or (index and kept[index - 1])]
