"""Files that grow or that are held: logs, curves, locks. None of them is opened through a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

from qwen_recipes.filesystem.replace_file import UnsafePathError, open_folder

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_APPEND


def open_to_append(path: Path, root: Path | None = None) -> FileIO:
    """A file to which bytes are added, created where missing; `root` as in `replace_file`.

    Raises UnsafePathError for anything but a regular file with one name, OSError.
    """
    with open_folder(path.parent, root, create=False) as folder:
        return _open_regular_file(folder, path, _FLAGS)


def open_new_log(path: Path, root: Path | None = None) -> FileIO:
    """An empty file in the place of the one that is there. Raises as `open_to_append`."""
    with open_folder(path.parent, root, create=False) as folder:
        with suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=folder)
        return _open_regular_file(folder, path, _FLAGS | os.O_EXCL)


def _open_regular_file(folder: int, path: Path, flags: int) -> FileIO:
    try:
        descriptor = os.open(path.name, flags, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafePathError(path, "it is a symbolic link, and links are not written through") from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise UnsafePathError(path, "it is not a regular file, or it has other hard links")
    return FileIO(descriptor, "ab")
