"""Whether a process is still the one that was written down."""

from __future__ import annotations

import os
from pathlib import Path


def process_started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where the system doesn't tell, or it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def there(pid: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
