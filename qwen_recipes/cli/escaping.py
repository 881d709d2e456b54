"""Escapes of what must not reach a terminal, a log that GitHub reads, or a machine's reader as it is."""

from __future__ import annotations

import json
import re

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Controls of a terminal (C0, C1), marks that reorder text, and halves of surrogates; not tab and newline."""
_CONTROL = re.compile(f"[{_CONTROLS}]")
_STYLE = re.compile(r"\x1b\[(?:0|1|2|3|4|7|[34][0-7]|[349]9|9[0-7])(?:;(?:[0-7]|[34][0-7]))*m")
"""The styles that click writes: colours, bold, dim, underline, and their end."""
_GITHUB_COMMAND = re.compile(r"(?m)^([^\S\n]*)::|##(?=\[)")
"""What GitHub Actions takes for a command in any line that a step prints."""


def escape_text(text: str) -> str:
    """Text of several lines for a terminal or a CI log: controls as `\\x1b`, no line that is a command of GitHub's."""
    return _disarm_commands(_CONTROL.sub(_escape_character, text))


def escape_controls(text: str) -> str:
    """Controls as `\\x1b`; lines, tabs and commands of GitHub's stay."""
    return _CONTROL.sub(_escape_character, text)


def escape_line(text: str) -> str:
    """As `escape_text`, for what has to stay in its line: a name, a key, a path, a message."""
    return _disarm_commands(_CONTROL.sub(_escape_character, text).replace("\n", "\\n"))


def escape_styled(text: str) -> str:
    """As `escape_text`, but for the styles that this command line writes itself."""
    plain, styles = _STYLE.split(text), _STYLE.findall(text)
    escaped = [_CONTROL.sub(_escape_character, part) for part in plain]
    return _disarm_commands("".join(part + style for part, style in zip(escaped, [*styles, ""], strict=True)))


def dump_json(data: object) -> str:
    """Indented JSON in UTF-8, in which no control is left that a terminal would obey."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(data, indent=2, ensure_ascii=False))


def _escape_character(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _disarm_commands(text: str) -> str:
    return _GITHUB_COMMAND.sub(lambda match: "#\\x23" if match[1] is None else f"{match[1]}\\x3a\\x3a", text)
