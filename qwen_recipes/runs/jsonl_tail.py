"""What is added to a JSONL file while somebody else writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qwen_recipes.filesystem.read_file import parse_json
from qwen_recipes.filesystem.regular_file import open_regular_file

MAX_LINE_BYTES = 1 << 20
"""Of a line; longer ones are skipped."""
MAX_BLOCKS = 16
"""Blocks of that size that are read at one look."""


class JsonlTail:
    """The lines that are added from now on. `skipped` counts those that are no map, or too long."""

    def __init__(self, path: Path) -> None:
        self.path, self.used, self.skipped = path, False, 0
        self.place = path.stat().st_size if path.is_file() else 0
        self.is_long = False

    def read_new_entries(self) -> Iterator[dict[str, object]]:
        """The maps of whole lines since the last look. A file that got shorter is read from its start."""
        for _ in range(MAX_BLOCKS):
            if not (block := self._read_block()):
                return
            for line in block.splitlines():
                entry = _parse_map(line)
                if entry is None:
                    self.skipped += 1
                else:
                    self.used = True
                    yield entry

    def _read_block(self) -> bytes:
        """The whole lines of the next block; nothing where there is none yet."""
        try:
            if not self.path.exists() or (size := self.path.stat().st_size) == self.place:
                return b""
            with open_regular_file(self.path) as file:
                self.place = self.place if size > self.place else 0
                file.seek(self.place)
                block = file.read(MAX_LINE_BYTES)
        except OSError:
            return b""
        whole = block.rfind(b"\n") + 1
        if whole == 0 and len(block) == MAX_LINE_BYTES:
            self.place, self.is_long = self.place + len(block), True
            return b"\n"
        self.place += whole
        lines = block[:whole]
        if self.is_long and whole:
            self.is_long = False
            self.skipped += 1
            lines = lines[lines.index(b"\n") + 1 :]
        return lines


def _parse_map(line: bytes) -> dict[str, object] | None:
    try:
        entry = parse_json(line.decode("utf-8"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
