"""What a command started, connected to, ran and wrote, seen by an audit hook; and what SECURITY.md allows it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT

NOTHING = "nothing"
STARTS = {
    "subprocess.Popen",
    "os.posix_spawn",
    "os.exec",
    "os.system",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
}
CONNECTS = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Rights:
    """A row of the table in SECURITY.md: what a command may start, connect to and write."""

    starts: frozenset[str]
    connects: frozenset[str]
    writes: frozenset[str]


def read_rights() -> dict[str, Rights]:
    """The table of SECURITY.md, by command."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    found = {}
    for cells in rows:
        names, starts, connects, writes = (cell.strip() for cell in cells)
        for name in re.findall(r"`([^`]+)`", names):
            found[name] = Rights(*(frozenset(_split_cell(cell)) for cell in (starts, connects, writes)))
    return found


def _split_cell(cell: str) -> list[str]:
    return [] if cell == NOTHING else [part.strip() for part in cell.split(",")]


@dataclass
class Seen:
    """What happened below a folder that is watched."""

    folder: Path
    starts: set[str] = field(default_factory=set)
    connects: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    wrote: set[str] = field(default_factory=set)
    """Paths outside the folder that were opened to be written."""


_watched: list[Seen] = []
_installed: list[bool] = []


@contextmanager
def watch(folder: Path, home: Path) -> Iterator[Seen]:
    """Watch this process while it works in `folder`; `home` is where caches may be written."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_note_event)
    tempfile.gettempdir()  # it writes a file to find the folder, with a lock held: not within the hook
    seen = Seen(folder)
    seen_home[:] = [str(home)]
    _watched.append(seen)
    try:
        yield seen
    finally:
        _watched.remove(seen)


seen_home: list[str] = []


def _note_event(event: str, arguments: tuple[object, ...]) -> None:
    if not _watched:
        return
    seen = _watched[-1]
    if event in STARTS:
        seen.starts.add(name_program(event, arguments))
    elif event in CONNECTS:
        seen.connects.add(str(arguments[-1]))
    elif event == "exec":
        file = getattr(arguments[0], "co_filename", "")
        if str(file).startswith(str(seen.folder)):
            seen.ran.add(str(file))
    elif event == "pickle.find_class" and not str(arguments[0]).startswith(("qwen_recipes", "numpy", "builtins")):
        seen.ran.add(f"pickle of {arguments[0]}.{arguments[1]}")
    elif event == "open":
        _note_open(seen, *arguments)


def _note_open(seen: Seen, path: object = None, mode: object = None, flags: object = 0) -> None:
    writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITE_FLAGS)
    if not writes or not isinstance(path, (str, bytes)):
        return
    place = os.fsdecode(path)
    allowed = (str(seen.folder), *seen_home, "/dev/null", "/dev/shm")
    temporary = tempfile.gettempdir()
    if place == temporary or place.startswith(f"{temporary}/tmp"):
        return
    if place.startswith("/") and not place.startswith(allowed):
        seen.wrote.add(place)


def name_program(event: str, arguments: tuple[object, ...]) -> str:
    """What was started, in the words of the table."""
    if event in ("os.fork", "os.forkpty"):
        return "itself"
    said = " ".join(map(str, arguments[:2]))
    if "template_worker" in said:
        return "template worker"
    if "nvidia-smi" in said:
        return "nvidia-smi"
    if "multiprocessing" in said or "--multiprocessing-fork" in said:
        return "itself"
    if "import ensurepip" in said:
        return "Python"
    return said[:200]


def list_tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Each path below a folder with its kind, size and time of change."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(root, name)  # noqa: PTH118
            state = os.lstat(path)
            is_file = not os.path.isdir(path) or os.path.islink(path)  # noqa: PTH112, PTH114
            found[os.path.relpath(path, folder)] = (
                (state.st_mode, state.st_size, state.st_mtime_ns) if is_file else (state.st_mode, 0, 0)
            )
    return found


def name_written(path: str, arguments: tuple[str, ...]) -> str:
    """What was written, in the words of the table."""
    if path == "compiled" or path.startswith("compiled/"):
        return "compiled/"
    if arguments[0] == "env" and path.startswith("envs"):
        return "the environments' folder"
    if arguments[0] == "init" and path.endswith(".recipe.yaml") and "/" not in path:
        return "a new recipe"
    if path.endswith(".lock"):
        return "NAME.lock"
    if "-o" in arguments and path.startswith(arguments[arguments.index("-o") + 1]):
        return "FILE of -o"
    if "--fix" in arguments and path == arguments[1]:
        return "the recipe with --fix"
    if path.startswith("run/") and path.endswith("report.html"):
        return "report.html"
    return path
