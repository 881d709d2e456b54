"""Replace a file whole or not at all, through no symbolic link.

Stands alone, with the standard library: a copy of it lies in the `rows/` folder of compiled files.

A file is written to a *part* in its folder, flushed to the disk, then renamed. The part's name is random, it is created
exclusively, and its writer holds a lock (flock) on it: a part that somebody else can lock was left by a process that
was killed, and the next write in that folder removes it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

_PART_NAME = re.compile(r"\.recipes-[0-9a-f]{32}\.part")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW_FILE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsafePathError(OSError):
    """A path that must not be written to; `strerror` says why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.ELOOP, reason, str(path))


def replace_file(path: Path, content: str | bytes, root: Path | None = None, *, create_folder: bool = True) -> None:
    """Write a file whole or not at all.

    `root` is a folder above: between it and the file no symbolic link is followed (default: the file's own folder).
    A file that is there keeps its permissions. Half of a surrogate pair is written as an escape. Raises OSError; its
    `filename` is the path that was at fault.
    """
    with open_folder(path.parent, root, create=create_folder) as folder, StagedFile(folder, path) as staged:
        staged.file.write(encode_text(content) if isinstance(content, str) else content)
        staged.commit()
        remove_leftovers(folder)


def encode_text(text: str) -> bytes:
    """A text as it is written: in UTF-8, half of a surrogate pair (names of files may hold one) as an escape."""
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def open_folder(path: Path, root: Path | None = None, *, create: bool = True) -> Iterator[int]:
    """A descriptor of a folder, created with those above it (or not); no link is followed below `root`.

    Raises OSError, UnsafePathError among them.
    """
    root = path if root is None else root
    if create:
        _create_folder(root)
    descriptor = os.open(root, _FOLDER_FLAGS)
    try:
        for name in _list_steps(path, root):
            inner = _enter_folder(descriptor, name, path, create)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _create_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except RecursionError:  # pathlib makes the folders above by calling itself
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path)) from None


class StagedFile:
    """A file that is being written beside its place in an open folder. `file` takes its bytes; `commit` puts it there.

    What is not committed is removed. Raises UnsafePathError where the place holds anything but a regular file.
    """

    def __init__(self, folder: int, path: Path, *, executable: bool = False) -> None:
        self.folder, self.path = folder, path
        mode = check_target(folder, path)
        self.part, descriptor = _create_part(folder, path)
        try:
            _set_mode(descriptor, mode, executable)
            self.file = os.fdopen(descriptor, "wb")
        except BaseException:
            _remove(folder, self.part)
            raise

    def flush(self) -> None:
        """Write all of it to the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def commit(self) -> None:
        """Put the file in its place. Raises OSError."""
        self.flush()
        check_target(self.folder, self.path)
        os.replace(self.part, self.path.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
        self.part = ""
        _flush_folder(self.folder)

    def __enter__(self) -> StagedFile:
        """The file, to be written."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the part where it was not committed, then let go of its lock."""
        if self.part:
            _remove(self.folder, self.part)
        try:
            self.file.close()
        except OSError:
            if kind is None:
                raise


def check_target(folder: int, path: Path) -> int | None:
    """The permissions of the regular file that is to be replaced; None where there is none.

    Raises UnsafePathError for anything else, PermissionError for a file that is write-protected.
    """
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise UnsafePathError(path, "it is a symbolic link, and links are not written through")
    if not stat.S_ISREG(found.st_mode):
        raise UnsafePathError(path, "it is not a regular file")
    if not os.access(path.name, os.W_OK, dir_fd=folder):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return stat.S_IMODE(found.st_mode)


def remove_leftovers(folder: int) -> None:
    """Remove the parts that killed processes left in an open folder."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _PART_NAME.fullmatch(entry.name)]
    for name in names:
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder, name)
        except OSError:
            pass  # in use, or a file system without locks
        finally:
            os.close(descriptor)


def _list_steps(path: Path, root: Path) -> tuple[str, ...]:
    steps = path.relative_to(root).parts
    if ".." in steps:
        raise UnsafePathError(path, "it leads out of its folder")
    return steps


def _enter_folder(above: int, name: str, path: Path, create: bool) -> int:
    """A descriptor of the folder `name`. Raises UnsafePathError for a link."""
    try:
        if create:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=above)
        return os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=above)
    except OSError as error:
        if _is_link(above, name):
            raise UnsafePathError(path, f"`{name}` in it is a symbolic link, and links are not followed") from None
        raise _name_path(error, path) from None


def _is_link(folder: int, name: str) -> bool:
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def _create_part(folder: int, path: Path) -> tuple[str, int]:
    """A new file with a random name in an open folder, locked: its name and descriptor. Raises OSError."""
    while True:
        name = f".recipes-{secrets.token_hex(16)}.part"
        try:
            descriptor = os.open(name, _NEW_FILE_FLAGS, 0o666, dir_fd=folder)
        except OSError as error:
            raise _name_path(error, path) from None
        with suppress(OSError):  # a file system without locks: nobody removes parts there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return name, descriptor
        os.close(descriptor)  # somebody took it for a leftover before it was locked


def _set_mode(descriptor: int, mode: int | None, executable: bool) -> None:
    """The permissions of the file that was there, else those that new files get."""
    if mode is None and executable:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        mode |= (mode & 0o444) >> 2
    if mode is not None:
        os.fchmod(descriptor, mode)


def _name_path(error: OSError, path: Path) -> OSError:
    return OSError(error.errno, error.strerror, str(path))


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        return


def _flush_folder(folder: int) -> None:
    """Write a renaming to the disk, where the file system can."""
    try:
        os.fsync(folder)
    except OSError:
        return
