"""Read a whole file that anybody may have written: a regular file, no larger than files of its kind are.

Each kind's limit can be changed by an environment variable, which the message names: RECIPES_MAX_TEMPLATE_MIB=8.
"""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any, Literal

from qwen_recipes.filesystem.regular_file import open_regular_file

FileKind = Literal[
    "recipe", "settings", "template", "config", "tokenizer", "native config", "lock", "record", "log", "message"
]
MAX_MIB: dict[FileKind, int] = {
    "recipe": 4,
    "settings": 4,
    "template": 2,
    "config": 16,
    "tokenizer": 128,
    "native config": 4,
    "lock": 64,
    "record": 64,
    "log": 256,
    "message": 16,
}
"""MiB of a file of each kind. `config`: of a model, an adapter or an environment; `record`: what a run wrote;
`message`: what an editor sends the language server at once."""
MAX_DEPTH = 200
"""Lists and maps within each other in a JSON file."""
_MARKS = re.compile(r'["\\\[\]{}]')


def get_max_bytes(kind: FileKind) -> int:
    """Bytes that a file of this kind may have."""
    text = os.environ.get(_get_variable(kind), "")
    return (int(text) if text.isdecimal() and 0 < len(text) < 7 and int(text) else MAX_MIB[kind]) << 20


def explain_size(kind: FileKind, size: int | None = None) -> str:
    """Why a file is not read that is larger than its kind allows; `size` in bytes where it is known."""
    found = "more" if size is None else f"{size / (1 << 20):,.1f} MiB"
    most = f"{get_max_bytes(kind) >> 20} MiB ({_get_variable(kind)} changes that)"
    return f"it has {found}; the maximum is {most}"


def read_bytes(path: Path, kind: FileKind) -> bytes:
    """The file's bytes. Raises OSError for what is no regular file, or too large; `strerror` says what is wrong."""
    limit = get_max_bytes(kind)
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(limit + 1) if size <= limit else b""
    if size > limit or len(content) > limit:
        raise OSError(errno.EFBIG, explain_size(kind, max(size, len(content))), str(path))
    return content


def read_text(path: Path, kind: FileKind) -> str:
    """The file's text. Raises as `read_bytes`, and UnicodeDecodeError where it is not UTF-8."""
    return read_bytes(path, kind).decode("utf-8")


def read_head(path: Path, size: int) -> bytes:
    """The first bytes of a regular file. Raises OSError."""
    with open_regular_file(path) as file:
        return file.read(size)


def read_tail(path: Path, size: int) -> bytes:
    """The last bytes of a regular file. Raises OSError."""
    with open_regular_file(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        return file.read(size)


def read_json(path: Path, kind: FileKind) -> Any:
    """The value that a file holds. Raises as `read_text`, and json.JSONDecodeError."""
    return parse_json(read_text(path, kind))


def parse_json(text: str) -> object:
    """The value of a JSON text. Raises json.JSONDecodeError, also for what lies deeper than MAX_DEPTH."""
    try:
        found = json.loads(text)
    except RecursionError:
        found = None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number of too many digits
        raise json.JSONDecodeError(str(error).partition(":")[0], text, 0) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and (place := _find_deepest(text)) is not None:
        raise json.JSONDecodeError(f"nested deeper than {MAX_DEPTH} levels", text, place)
    return found


def _find_deepest(text: str) -> int | None:
    """Where a list or map begins that lies deeper than MAX_DEPTH."""
    depth, quoted, escaped = 0, False, -1
    for mark in _MARKS.finditer(text):
        place, char = mark.start(), mark[0]
        if quoted:
            if place == escaped:
                continue
            if char == "\\":
                escaped = place + 1
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return place
        elif char in "]}":
            depth -= 1
    return None


def _get_variable(kind: FileKind) -> str:
    return f"RECIPES_MAX_{kind.upper().replace(' ', '_')}_MIB"
