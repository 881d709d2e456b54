"""The process between `recipes run` and a framework: nothing that it started outlives it, or `recipes`.

Run by its path, with the standard library and `filesystem/`: `python -I supervisor.py LIFELINE LOCK RECORD COMMAND…`.
LIFELINE is the descriptor of a pipe that `recipes` holds open at its other end: the end of it is the end of `recipes`.
LOCK is that of the output folder's lock, held, and touched now and then, until nothing is left. RECORD is run.json:
where `recipes` was killed, how the run ended is written there by us.

SIGINT, SIGTERM and SIGHUP are passed on to every process below; what is still there after GRACE_SECONDS, or at a
second signal, is killed. torchrun puts each worker into a session of its own, so the process group alone would miss
them: on Linux orphans come to us, and every descendant is found.

Ends as the command did: with its exit status, or by its signal.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).parents[2]))  # where this package lies, for the one import from it

from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.filesystem.replace_file import replace_file


def _read_grace() -> float:
    text = os.environ.get("QWEN_RECIPES_GRACE", "")
    return float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else 10.0


GRACE_SECONDS = _read_grace()
"""Seconds between asking and killing; QWEN_RECIPES_GRACE changes them."""
HEARTBEAT_SECONDS = 30.0
"""Seconds between two signs of life: the lock's time of change, for those who can't see our processes."""
FORWARDED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36


class ProcessInfo(NamedTuple):
    """A process, its parent and its process group."""

    pid: int
    parent: int
    group: int


class Supervisor:
    """Starts one command, waits for it, and sees to the end of everything below it."""

    def __init__(self, command: list[str], lifeline: int, lock: int) -> None:
        self.lifeline: int | None = lifeline
        self.lock = lock
        self.wakeup_fd, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self.is_orphaned = False
        self.pending_signals: list[int] = []
        self.kill_at: float | None = None
        self.status: int | None = None
        for number in FORWARDED_SIGNALS:
            signal.signal(number, lambda received, _: self.pending_signals.append(received))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _call_prctl(_SET_CHILD_SUBREAPER, 1)
        self.child = _start_command(command)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED_SIGNALS)

    def run(self) -> int:
        """Wait until nothing is left; the command's wait status."""
        while True:
            self._reap_children()
            left = find_descendants()
            if self.status is not None and not left:
                return self.status
            self._forward_or_kill(left)
            _touch_lock(self.lock)
            self._wait_for_event()

    def _forward_or_kill(self, pids: list[int]) -> None:
        """Pass on a signal that was received, and kill where the time is up."""
        if self.pending_signals:
            number = self.pending_signals.pop(0)
            now = time.monotonic()
            self.kill_at = now + GRACE_SECONDS if self.kill_at is None else now
            _send_signal(pids, number)
        if self.status is not None and self.kill_at is None:
            self.kill_at = time.monotonic() + GRACE_SECONDS
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            _send_signal(pids, signal.SIGKILL)

    def _wait_for_event(self) -> None:
        """Until a signal, a child's end, the end of `recipes`, or the time to kill."""
        if self.pending_signals:
            return
        wait = HEARTBEAT_SECONDS
        if self.kill_at is not None:
            wait = min(0.2, max(0.02, self.kill_at - time.monotonic()))
        watched = [self.wakeup_fd] if self.lifeline is None else [self.wakeup_fd, self.lifeline]
        ready, _, _ = select.select(watched, [], [], wait)
        if self.wakeup_fd in ready:
            os.read(self.wakeup_fd, 512)
        if self.lifeline in ready:
            self.lifeline, self.is_orphaned = None, True
            self.pending_signals.append(signal.SIGTERM)

    def _reap_children(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child:
                self.status = status


def _touch_lock(file: int) -> None:
    try:
        os.utime(file)
    except OSError:
        return


def write_killed_record(path: Path) -> None:
    """Say in the record that `recipes` was killed, unless it had the last word itself; all of it or nothing."""
    try:
        record = read_json(path, "record")
        if record["status"] != "running":
            return
        now = datetime.now().astimezone()
        seconds = round((now - datetime.fromisoformat(record["started"])).total_seconds(), 1)
        said = "`recipes` was killed; the framework was stopped"
        record.update(status="killed", ended=now.isoformat(timespec="seconds"), seconds=seconds, problem=said)
        replace_file(path, json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    except (OSError, ValueError, KeyError, TypeError):
        return


def find_descendants() -> list[int]:
    """Every process below this one, and every other one of its group."""
    me, group = os.getpid(), os.getpgrp()
    every = _list_processes()
    found = {process.pid for process in every if process.group == group and process.pid != me}
    below = {me}
    while grown := {process.pid for process in every if process.parent in below} - below:
        below |= grown
    return sorted(found | below - {me})


def _list_processes() -> list[ProcessInfo]:
    if Path("/proc/self/stat").is_file():
        return [found for path in Path("/proc").glob("[0-9]*/stat") if (found := _read_proc_stat(path))]
    done = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,comm="], capture_output=True, text=True, errors="replace"
    )
    rows = (line.split(None, 3) for line in done.stdout.splitlines())
    return [ProcessInfo(*map(int, row[:3])) for row in rows if len(row) == 4 and row[3] != "ps"]


def _read_proc_stat(path: Path) -> ProcessInfo | None:
    """What `/proc/PID/stat` says; the name in parentheses may hold anything."""
    try:
        state, parent, group = path.read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else ProcessInfo(int(path.parent.name), int(parent), int(group))


def _send_signal(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _start_command(command: list[str]) -> int:
    """Start the command in our group; on Linux it is killed where we are."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _call_prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (*FORWARDED_SIGNALS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED_SIGNALS)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _call_prctl(option: int, value: int) -> None:
    """Linux only; elsewhere nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    prctl(option, value, 0, 0, 0)


def main() -> None:
    """Run from the command line, as the leader of a session."""
    lifeline, lock, record, *command = sys.argv[1:]
    for descriptor in (lifeline, lock):
        os.set_inheritable(int(descriptor), False)
    supervisor = Supervisor(command, int(lifeline), int(lock))
    status = supervisor.run()
    if supervisor.is_orphaned:
        write_killed_record(Path(record))
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
