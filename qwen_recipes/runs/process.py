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

from qwen_recipes.filesystem.logs import open_new_log, open_to_append
from qwen_recipes.runs import supervisor
from qwen_recipes.runs.record import RESERVE_FILE
from qwen_recipes.runs.secret_filter import SecretFilter

_CHUNK_BYTES = 65536
_MAX_HELD_BYTES = 64 * 1024
"""Bytes of output that are held back at the most where the disk is full."""
_TICK_SECONDS = 1.0
"""Seconds between two looks at what the framework wrote elsewhere."""


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: its exit code, or the name of the signal that ended it.

    `interrupted` is the name of the first signal that was sent to us meanwhile.
    """

    exit_code: int | None
    signal: str | None
    interrupted: str | None = None


class Watcher(Protocol):
    """Who follows a run: told of its process group, of each piece of output, and about once a second."""

    def on_started(self, group: int) -> None:
        """The process group has started."""

    def feed(self, chunk: bytes) -> None:
        """The framework printed this."""

    def tick(self) -> None:
        """A moment has passed."""


def run_supervised(
    command: Sequence[str],
    variables: Mapping[str, str],
    log: Path,
    lock: int,
    record: Path,
    watcher: Watcher,
    *,
    show_output: bool = False,
    append: bool = False,
) -> CommandResult:
    """Run a command to its end, in a session of its own; nothing that it started is left afterwards.

    What it prints goes to `log` byte by byte (after what is there, with `append`), and to standard output with
    `show_output`, but for the secrets among `variables`, which is its whole environment. `lock` is a descriptor that is
    kept open until all of it has ended, `record` the run's, which the supervisor finishes where we are killed. SIGINT,
    SIGTERM and SIGHUP that we get are passed on. Must be called from the main thread.
    """
    received: list[int] = []
    ours, theirs = os.pipe()
    with _forward_signals(received) as forward_to, (open_to_append if append else open_new_log)(log) as file:
        kept = _LogWriter(file)
        wrapped = [sys.executable, "-I", supervisor.__file__, str(ours), str(lock), str(record), *command]
        with _block_signals():
            process = subprocess.Popen(
                wrapped, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env=dict(variables), start_new_session=True, pass_fds=(ours, lock),
            )  # fmt: skip
            forward_to(process)
        os.close(ours)
        try:
            watcher.on_started(process.pid)
            terminal = sys.stdout.buffer if show_output else None
            _stream_output(process, kept, watcher, terminal, SecretFilter(variables))
        finally:
            os.close(theirs)
            if process.wait() < 0:
                _kill_process_group(process.pid)
            kept.write_held(log.with_name(RESERVE_FILE))
    return _build_result(process.returncode, received)


@contextlib.contextmanager
def _block_signals() -> Iterator[None]:
    """Hold signals back; who is started meanwhile holds them too, and the supervisor lets go of them when it can."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.FORWARDED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _forward_signals(received: list[int]) -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
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

    before = {number: signal.signal(number, handle) for number in supervisor.FORWARDED_SIGNALS}
    try:
        yield forward_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _LogWriter:
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
            self.held = self.held[-_MAX_HELD_BYTES:]

    def write_held(self, reserve: Path) -> None:
        """Write what is held, into the room that was set aside where there is no other."""
        if self.held:
            with contextlib.suppress(OSError):
                reserve.unlink()
            self.add(b"")


def _stream_output(
    process: subprocess.Popen[bytes],
    log: _LogWriter,
    watcher: Watcher,
    terminal: BinaryIO | None,
    secrets: SecretFilter,
) -> None:
    """Copy the output as it comes, without the environment's secrets.

    Neither a reader of ours that went away, nor a full disk, nor whoever follows the run ends it. It is followed to its
    end also where the framework closes its output before.
    """
    assert process.stdout is not None
    source, due = process.stdout.fileno(), time.monotonic() + _TICK_SECONDS
    follower = _Follower(watcher)
    is_open = True
    while is_open or process.poll() is None:
        wait = max(0.0, due - time.monotonic())
        ready = select.select([source], [], [], wait)[0] if is_open else _wait_for_end(process, wait)
        if time.monotonic() >= due:
            follower.tick()
            due = time.monotonic() + _TICK_SECONDS
        if not ready:
            continue
        if not (chunk := os.read(source, _CHUNK_BYTES)):
            is_open = False
        chunk = secrets.hide(chunk) if chunk else secrets.end()
        log.add(chunk)
        terminal = terminal and _write_output(terminal, chunk)
        follower.feed(chunk)
    process.stdout.close()


class _Follower:
    """Tells a watcher what happens until it fails: then the run goes on without it."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher: Watcher | None = watcher

    def feed(self, chunk: bytes) -> None:
        """The framework printed this."""
        self._call(lambda watcher: watcher.feed(chunk))

    def tick(self) -> None:
        """A moment has passed."""
        self._call(lambda watcher: watcher.tick())

    def _call(self, method: Callable[[Watcher], None]) -> None:
        if self.watcher is None:
            return
        try:
            method(self.watcher)
        except Exception as error:
            self.watcher = None
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"progress is no longer shown: {type(error).__name__}; the run continues\n")


def _wait_for_end(process: subprocess.Popen[bytes], seconds: float) -> list[int]:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return []


def _write_output(stream: BinaryIO, chunk: bytes) -> BinaryIO | None:
    try:
        stream.write(chunk)
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return None
    return stream


def _kill_process_group(group: int) -> None:
    """Kill what is left where the supervisor itself was killed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _build_result(returncode: int, received: list[int]) -> CommandResult:
    interrupted = signal.Signals(received[0]).name if received else None
    if returncode < 0:
        return CommandResult(None, signal.Signals(-returncode).name, interrupted)
    return CommandResult(returncode, None, interrupted)
