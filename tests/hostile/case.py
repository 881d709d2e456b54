"""A hostile input: files to be laid out in a folder, and the commands that are called on them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

Content = str | bytes
PIPE, LINK = "pipe:", "link:"
RECIPE = "r.recipe.yaml"
HEAD = "version: 1\nmodel: Qwen/Qwen3-4B\n"
DATA = "data: {train: rows.jsonl}\n"
RUN = "run: {backend: axolotl}\n"
ROW = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}) + "\n"


class Case(NamedTuple):
    """One input. Content that begins with `pipe:` is a FIFO, with `link:` a symbolic link."""

    category: str
    name: str
    files: dict[str, Content]
    commands: tuple[tuple[str, ...], ...]

    def lay_out(self, folder: Path) -> None:
        """Write the files into a folder."""
        for name, content in self.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if content == PIPE:
                os.mkfifo(file)
            elif isinstance(content, str) and content.startswith(LINK):
                file.symlink_to(content.removeprefix(LINK))
            elif isinstance(content, bytes):
                file.write_bytes(content)
            else:
                file.write_bytes(content.encode("utf-8", "surrogatepass"))


def rotate(commands: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, ...]]:
    """The commands one after the other, without end: each input gets some of them, all inputs all."""
    while True:
        yield from commands


def build_recipe(**sections: object) -> str:
    """A recipe as JSON, which is YAML, with sections put in."""
    whole = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "rows.jsonl"}, "run": {"backend": "axolotl"}}
    return json.dumps({**whole, **sections})
