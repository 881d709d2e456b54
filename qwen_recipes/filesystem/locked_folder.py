"""Folders that one process at a time writes to, and results that are moved out of the way."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qwen_recipes.filesystem.replace_file import open_folder

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that writes to the same folder."""


@contextmanager
def lock_folder(path: Path, root: Path | None = None) -> Iterator[int]:
    """Hold a folder's lock, created where missing; its descriptor. `root` as in `replace_file`.

    The lock (flock) is on the folder itself: no file is left, and it ends with its process. Raises OSError, with
    EBUSY where another process holds it for longer than LOCK_TIMEOUT.
    """
    with open_folder(path, root) as folder:
        end = time.monotonic() + LOCK_TIMEOUT
        while not _try_lock(folder):
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, "another process is writing to it", str(path))
            time.sleep(0.02)
        yield folder


def is_locked(path: Path) -> bool:
    """Whether another process holds the folder's lock; false where the folder can't be opened."""
    try:
        with open_folder(path, None, create=False) as folder:
            return not _try_lock(folder)
    except OSError:
        return False


def move_into(path: Path, folder: Path, root: Path) -> None:
    """Move a file or a folder into another folder below `root`; no link is followed there. Raises OSError."""
    with open_folder(folder, root) as target, open_folder(path.parent, root) as source:
        os.rename(path.name, path.name, src_dir_fd=source, dst_dir_fd=target)


def move_into_place(part: Path, path: Path) -> None:
    """Give a folder that was filled beside its place its name; an empty folder may be there. Raises OSError.

    Where a link is there, it is not followed.
    """
    with open_folder(path.parent, create=False) as folder:
        os.rename(part.name, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def make_folder(path: Path, root: Path | None = None) -> None:
    """Create a folder and those above it where missing; `root` as in `replace_file`. Raises OSError."""
    with open_folder(path, root):
        return


def _try_lock(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
