"""Regular files, opened to be read. Copied beside compiled rows: the standard library alone."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path


def open_regular_file(path: Path, irregular: str = "it is a pipe or a device, not a file") -> io.BufferedReader:
    """A file, opened to be read: what it is, is asked of what was opened, and a pipe in its place is not waited for.

    Raises OSError for what is not there, can't be read, or is a folder; for a pipe or a device, with `irregular`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, irregular, str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
