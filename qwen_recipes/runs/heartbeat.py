"""Whether a run that says so is still going on."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

LOCK_FILE = ".run.lock"
"""The lock of an output folder; a run's supervisor touches it every `supervisor.HEARTBEAT_SECONDS`."""
HEARTBEAT_TIMEOUT = 120.0
"""Seconds without a sign of life after which a run of another host counts as over."""


def has_ended(folder: Path, host: str, pid: int, started: int | None) -> bool:
    """Whether a run in `folder` is over though its record says "running".

    On this host its process would have to be there. Another host's processes can't be seen (nor those of a container
    that is gone with its name): there it has to have given a sign of life lately.
    """
    if host == socket.gethostname():
        return read_process_start(pid) != started or not is_process_alive(pid)
    silent = seconds_since_heartbeat(folder)
    return silent is not None and silent > HEARTBEAT_TIMEOUT


def seconds_since_heartbeat(folder: Path) -> float | None:
    """Seconds since the last sign of life of whoever runs in a folder; None where there is nothing to tell it by."""
    try:
        return time.time() - (folder / LOCK_FILE).stat().st_mtime
    except OSError:
        return None


def read_process_start(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where the system doesn't tell, or it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def is_process_alive(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
