"""Files that belong together: each is written beside its place, then all are put there in order, or none."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from qwen_recipes.filesystem.replace_file import StagedFile, check_target, encode_text, open_folder, remove_leftovers


class FileSet:
    """Files to put in place, and to remove, in the order in which they are named; `commit` does it.

    No symbolic link is followed below `root` (default: each file's own folder). What fails, or is interrupted, leaves
    everything as it was; after a kill some files are new and the others as before. Every method raises OSError.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root
        self.folders: dict[Path, int] = {}
        self.steps: list[StagedFile | tuple[int, Path]] = []
        self.resources = ExitStack()

    def __enter__(self) -> FileSet:
        """The set, to be filled."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove what was not committed."""
        self.resources.close()

    def stage(self, path: Path, content: str | bytes = b"", *, executable: bool = False) -> BinaryIO:
        """Write a file beside its place; more may be written to it until `commit`."""
        staged = self.resources.enter_context(StagedFile(self._open(path), path, executable=executable))
        staged.file.write(encode_text(content) if isinstance(content, str) else content)
        self.steps.append(staged)
        return staged.file

    def remove(self, path: Path) -> None:
        """Remove a regular file."""
        folder = self._open(path)
        if check_target(folder, path) is not None:
            self.steps.append((folder, path))

    def watch(self, folders: Iterable[Path]) -> None:
        """Folders that nothing is written to, from which `commit` removes what killed processes left."""
        for folder in folders:
            self._open(folder / "any")

    def commit(self) -> None:
        """Do all of it, and remove what killed processes left in these folders."""
        for step in self.steps:
            if isinstance(step, StagedFile):
                step.flush()
        earlier: list[_EarlierFile] = []
        try:
            for step in self.steps:
                folder, path = (step.folder, step.path) if isinstance(step, StagedFile) else step
                earlier.append(_EarlierFile(folder, path.name))
                if isinstance(step, StagedFile):
                    step.commit()
                else:
                    os.unlink(path.name, dir_fd=folder)
        except BaseException:
            for file in reversed(earlier):
                file.restore()
            raise
        finally:
            for file in earlier:
                file.discard()
        for folder in self.folders.values():
            remove_leftovers(folder)

    def _open(self, path: Path) -> int:
        if path.parent not in self.folders:
            self.folders[path.parent] = self.resources.enter_context(open_folder(path.parent, self.root))
        return self.folders[path.parent]


class _EarlierFile:
    """What was in a file's place: kept under a second name, locked as a part is, until it is put back or let go of."""

    def __init__(self, folder: int, name: str) -> None:
        self.folder, self.name = folder, name
        self.kept, self.descriptor, self.absent = f".recipes-{secrets.token_hex(16)}.part", -1, False
        try:
            if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                return
            os.link(name, self.kept, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            self.descriptor = os.open(self.kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            fcntl.flock(self.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            self.absent = True
        except OSError:
            return  # a file system without hard links, or without locks

    def restore(self) -> None:
        with suppress(OSError):
            if self.absent:
                os.unlink(self.name, dir_fd=self.folder)
            else:
                os.replace(self.kept, self.name, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def discard(self) -> None:
        with suppress(OSError):
            os.unlink(self.kept, dir_fd=self.folder)
        if self.descriptor >= 0:
            os.close(self.descriptor)
