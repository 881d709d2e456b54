"""Memory of the host: what a run's processes hold, and what is left."""

from __future__ import annotations

import os
from pathlib import Path


def measure_session_memory(session: int) -> int | None:
    """Resident bytes of every process of a session; pages that processes share count for each. Linux only."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[21])
    return total * os.sysconf("SC_PAGE_SIZE") or None


def read_available_memory() -> int | None:
    """Bytes of the host's memory that a new process can have; None where the system doesn't tell."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return found[0] * 1024 if found else None
