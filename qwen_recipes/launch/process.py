"""Start a command under the supervisor, show and keep what it prints, and pass on the signals that we get."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Protocol

from qwen_recipes.launch import supervisor
from qwen_recipes.launch.record import RESERVE

_CHUNK = 65536
_HELD = 64 * 1024
"""Bytes of output that are held back at the most where the disk is full."""
_TICK = 1.0
"""Seconds between two looks at what the framework wrote elsewhere."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, or the name of the signal that ended it.

    `interrupted` is the name of the first signal that was sent to us meanwhile.
    """

    exit_code: int | None
    signal: str | None
    interrupted: str | None = None


class Watcher(Protocol):
    """Who follows a run: told of its process group, of each piece of output, and about once a second."""

    def began(self, group: int) -> None:
        """The process group has started."""

    def feed(self, chunk: bytes) -> None:
        """The framework printed this."""

    def tick(self) -> None:
        """A moment has passed."""


def run(
    command: Sequence[str],
    variables: Mapping[str, str],
    log: Path,
    lock: int,
    record: Path,
    watcher: Watcher,
    *,
    shown: bool = False,
    append: bool = False,
) -> Ended:
    """Run a command to its end, in a session of its own; nothing that it started is left afterwards.

    What it prints goes to `log` byte by byte (after what is there, with `append`), and to standard output if it is
    `shown`. `variables` is its whole environment, `lock` a descriptor that is kept open until all of it has ended,
    `record` the run's, which the supervisor finishes where we are killed. SIGINT, SIGTERM and SIGHUP that we get are
    passed on. Must be called from the main thread.
    """
    received: list[int] = []
    ours, theirs = os.pipe()
    with _signals_to(received) as forward_to, log.open("ab" if append else "wb", buffering=0) as file:
        kept = _Log(file)
        wrapped = [sys.executable, "-I", supervisor.__file__, str(ours), str(lock), str(record), *command]
        with _signals_held():
            process = subprocess.Popen(
                wrapped, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=dict(variables), start_new_session=True, pass_fds=(ours, lock),
            )  # fmt: skip
            forward_to(process)
        os.close(ours)
        try:
            watcher.began(process.pid)
            _stream(process, kept, watcher, sys.stdout.buffer if shown else None)
        finally:
            os.close(theirs)
            if process.wait() < 0:
                _sweep(process.pid)
            kept.end(log.with_name(RESERVE))
    return _ended(process.returncode, received)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back; who is started meanwhile holds them too, and the supervisor lets go of them when it can."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.PASSED_ON)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _signals_to(received: list[int]) -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Collect signals, and pass them on to the process that the yielded function is given."""
    processes: list[subprocess.Popen[bytes]] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for process in processes:
            process.send_signal(number)

    def forward_to(process: subprocess.Popen[bytes]) -> None:
        processes.append(process)
        for number in list(received):
            process.send_signal(number)

    before = {number: signal.signal(number, handle) for number in supervisor.PASSED_ON}
    try:
        yield forward_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Log:
    """The log. Of what a full disk does not take, the end is held back: it mostly says that the disk is full."""

    def __init__(self, file: RawIOBase) -> None:
        self.file, self.held = file, b""

    def add(self, chunk: bytes) -> None:
        """Write what is held and this, as far as there is room."""
        self.held += chunk
        try:
            while self.held:
                self.held = self.held[self.file.write(self.held) or 0 :]
        except OSError:
            self.held = self.held[-_HELD:]

    def end(self, reserve: Path) -> None:
        """Write what is held, into the room that was set aside where there is no other."""
        if self.held:
            with contextlib.suppress(OSError):
                reserve.unlink()
            self.add(b"")


def _stream(process: subprocess.Popen[bytes], log: _Log, watcher: Watcher, shown: BinaryIO | None) -> None:
    """Copy the output as it comes; neither a reader of ours that went away nor a full disk ends the run."""
    assert process.stdout is not None
    source, due = process.stdout.fileno(), time.monotonic() + _TICK
    while True:
        ready, _, _ = select.select([source], [], [], max(0.0, due - time.monotonic()))
        if time.monotonic() >= due:
            watcher.tick()
            due = time.monotonic() + _TICK
        if not ready:
            continue
        if not (chunk := os.read(source, _CHUNK)):
            break
        log.add(chunk)
        shown = shown and _show(shown, chunk)
        watcher.feed(chunk)
    process.stdout.close()


def _show(stream: BinaryIO, chunk: bytes) -> BinaryIO | None:
    try:
        stream.write(chunk)
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return None
    return stream


def _sweep(group: int) -> None:
    """Kill what is left where the supervisor itself was killed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _ended(returncode: int, received: list[int]) -> Ended:
    interrupted = signal.Signals(received[0]).name if received else None
    if returncode < 0:
        return Ended(None, signal.Signals(-returncode).name, interrupted)
    return Ended(returncode, None, interrupted)
