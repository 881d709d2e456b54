"""A symbolic link beside the folder that it leads to."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from qwen_recipes.filesystem.replace_file import UnsafePathError, open_folder


def replace_folder_link(path: Path, target: str) -> None:
    """Let a link lead to `target`, whole or not at all. Raises UnsafePathError where its place holds no link, OSError.

    What an earlier link leads to is not touched.
    """
    with open_folder(path.parent, create=False) as folder:
        with suppress(FileNotFoundError):
            if not stat.S_ISLNK(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise UnsafePathError(path, "it is not a link, and stays as it is")
        part = f".recipes-{secrets.token_hex(16)}.link"
        os.symlink(target, part, target_is_directory=True, dir_fd=folder)
        try:
            os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
