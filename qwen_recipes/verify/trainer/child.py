"""A process for each case: it has all that is imported, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
_running: set[int] = set()


def run_in_child(act: Callable[[], None], log: Path, seconds: int) -> int:
    """Act in a child process, with a group, a log and a time limit of its own; its exit status, or -N by signal N.

    What the child has started ends with it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os._exit(_run_and_report(act, log, seconds))
    _running.add(child)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _kill_group(child)
    _running.discard(child)
    return status


def end_children_on_sigterm() -> None:
    """Let SIGTERM end this process, its child and what the child has started."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    for child in _running:
        _kill_group(child)
    os._exit(128 + signal.SIGTERM)


def _kill_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _end_with_parent() -> None:
    """On Linux, die where the worker is killed."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run_and_report(act: Callable[[], None], log: Path, seconds: int) -> int:
    os.setsid()
    _end_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.alarm(seconds)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    faulthandler.enable(file=2)
    try:
        act()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return 0 if ended.code in (0, None) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def explain_status(status: int, seconds: int) -> str:
    """Why a child that wrote nothing ended, by its exit status."""
    if status == -signal.SIGALRM:
        return f"training did not start within {seconds} seconds"
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return "exited without training" if status == 0 else f"exited with status {status}"
