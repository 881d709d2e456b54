"""What a framework said last, where it failed."""

from __future__ import annotations

import re
from pathlib import Path

from qwen_recipes.filesystem.read_file import read_tail

_TAIL_BYTES = 512 * 1024
_MAX_LINES = 15
_COLOUR = re.compile(r"\x1b\[[0-9;?]{0,40}[A-Za-z]")
_CARETS = re.compile(r"\s+[~^]+\s*")
_RANK = re.compile(r"^\[(?:default\d+|rank\d+)\]:\s?")
_PROGRESS_BAR = re.compile(
    r"\d{1,3}%\|[^|]{0,400}\|\s{0,9}\S{1,40}/\S{1,40}|\d{1,12}(?:it|ex|examples)? ?\[\d{1,9}:\d"
    r"|\d{1,9}(?:\.\d{1,9})?s/(?:it|ex)\b"
)
_MAX_LINE = 4000
"""Characters of a line that are looked at."""
_TRACEBACK = "Traceback (most recent call last):"
_LAUNCHERS = ("CalledProcessError", "ChildFailedError", "SignalException", "ProcessRaisedException")
"""What a launcher raises because its child failed: never the reason."""
_MAX_MESSAGE_LINES = 5
"""Lines of a message that goes on after the exception's own line."""


def read_error_lines(log: Path, max_lines: int = _MAX_LINES) -> list[str]:
    """The last lines of the last traceback that tells the reason, or of the output where there is none."""
    return select_error_lines(read_clean_lines(log), max_lines)


def select_error_lines(lines: list[str], max_lines: int = _MAX_LINES) -> list[str]:
    """The last lines of the last traceback among `lines` that tells the reason, or of them all where there is none."""
    starts = [index for index, line in enumerate(lines) if _TRACEBACK in line]
    blocks = [_slice_traceback(lines, start) for start in starts]
    telling = [block for block in blocks if not _is_from_launcher(block)]
    chosen = (telling or blocks or [[line for line in lines if line]])[-1]
    return chosen[-max_lines:]


def _is_from_launcher(block: list[str]) -> bool:
    return any(name in line for name in _LAUNCHERS for line in block[-1 - _MAX_MESSAGE_LINES :])


def _slice_traceback(lines: list[str], start: int) -> list[str]:
    """A traceback: its frames, the exception, and the lines of its message."""
    end = start + 1
    while end < len(lines) and lines[end][:1].isspace():
        end += 1
    return [line for line in lines[start : _find_message_end(lines, end)] if line.strip()]


def _find_message_end(lines: list[str], end: int) -> int:
    for index in range(end + 1, min(end + 1 + _MAX_MESSAGE_LINES, len(lines))):
        if _TRACEBACK in lines[index] or not lines[index].strip():
            return index
    return min(end + 1 + _MAX_MESSAGE_LINES, len(lines))


def read_clean_lines(log: Path) -> list[str]:
    """The end of the log as a person saw it: progress bars, colours and rank prefixes taken out."""
    try:
        text = read_tail(log, _TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    return clean_lines(text)


def clean_lines(text: str) -> list[str]:
    """A log's lines as a person saw them: progress bars, colours and rank prefixes taken out, long lines cut."""
    seen = (_RANK.sub("", _COLOUR.sub("", line[:_MAX_LINE])) for line in text.splitlines())
    kept = [line.rstrip() for line in seen if not _PROGRESS_BAR.search(line) and not _CARETS.fullmatch(line)]
    return [line for index, line in enumerate(kept) if line or (index and kept[index - 1])]
