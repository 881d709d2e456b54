"""Home folders: `~` and `~NAME` at the beginning of a path."""

from __future__ import annotations

import os
from pathlib import Path

from qwen_recipes.errors import QwenRecipesError


class HomeFolderError(QwenRecipesError, RuntimeError):
    """The user has no home folder, where caches and environments are."""


def expand_home(path: str | Path) -> Path:
    """The path with the home folder in the place of `~` or `~NAME`; as it is written where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError there


def get_home() -> Path:
    """The user's home folder. Raises HomeFolderError: the current folder is anybody's, and no home."""
    home = expand_home("~")
    if not home.is_absolute():
        raise HomeFolderError("this user has no home folder, where environments and caches are kept; set HOME")
    return home
