"""A bound on the memory that a library takes of a file that states its own sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def limit_memory(size: int) -> Iterator[None]:
    """Let this process take that many more bytes meanwhile: what wants more ends in MemoryError. Only on Linux."""
    try:
        import resource

        found = re.search(r"VmData:\s+(\d+)", Path("/proc/self/status").read_text("ascii"))
    except (ImportError, OSError, UnicodeDecodeError):
        found = None
    if found is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = (int(found[1]) << 10) + size
    soft = wanted if before[0] == resource.RLIM_INFINITY else min(before[0], wanted)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
