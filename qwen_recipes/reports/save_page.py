"""Write an HTML page, over an earlier page but over no other file."""

from __future__ import annotations

import errno
from pathlib import Path

from qwen_recipes.filesystem.read_file import read_head
from qwen_recipes.filesystem.replace_file import replace_file

_BEGINNINGS = (b"<!doctype html", b"<html")


def save_page(path: Path, page: str) -> None:
    """The page as a file. Raises OSError, also where `path` is another kind of file: a recipe, or somebody's rows."""
    if path.is_file() and (head := read_head(path, 200).strip().lower()) and not head.startswith(_BEGINNINGS):
        raise FileExistsError(errno.EEXIST, "the file there is not an HTML page: name another file", str(path))
    replace_file(path, page, create_folder=False)
