"""The NVIDIA GPUs that a run here would see, as the driver's own tool names them.

`CUDA_VISIBLE_DEVICES` chooses among them as CUDA reads it; run.sh takes the first of those, as many as it trains on.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")
_FIELDS = "name,memory.total,driver_version,memory.used,uuid"
_QUERY = ("nvidia-smi", f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits")
_MIB = 1 << 20


@dataclass(frozen=True)
class DetectedGpu:
    """One GPU: memory in MiB, and the version of its driver."""

    name: str
    memory: int
    driver: str


def detect_gpus() -> list[DetectedGpu]:
    """The GPUs that can be seen; none where nvidia-smi is missing or fails."""
    return [DetectedGpu(row[0], int(row[1]), row[2]) for row in _query_visible_gpus() if row[1].isdigit()]


def read_used_gpu_memory(count: int) -> int | None:
    """Bytes in use on the fullest of the first `count` GPUs, whoever uses it; None without nvidia-smi."""
    used = [int(row[3]) for row in _query_visible_gpus()[:count] if row[3].isdigit()]
    return max(used) * _MIB if used else None


def detect_device() -> str:
    """`cuda` where this machine has an NVIDIA GPU, else `cpu`."""
    return "cuda" if has_nvidia_driver() or detect_gpus() else "cpu"


def has_nvidia_driver() -> bool:
    """Whether the kernel lists an NVIDIA GPU."""
    return _DRIVER_FOLDER.is_dir() and any(_DRIVER_FOLDER.iterdir())


def read_cuda_version() -> str | None:
    """The newest CUDA that the driver runs, such as `13.0`; None where there is no driver."""
    found = re.search(r"CUDA Version:\s*([\d.]+)", _run_command(("nvidia-smi",)))
    return found[1] if found else None


def _query_visible_gpus() -> list[list[str]]:
    rows = [
        row for line in _run_command(_QUERY).splitlines() if len(row := line.split(", ")) == len(_FIELDS.split(","))
    ]
    chosen = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if not chosen[0] or chosen[0].startswith("MIG-"):
        return rows
    names = {str(index): row for index, row in enumerate(rows)}
    found = (names.get(word) or _find_by_uuid(word, rows) for word in chosen)
    return list(itertools.takewhile(bool, found))


def _find_by_uuid(start: str, rows: list[list[str]]) -> list[str]:
    return next((row for row in rows if start.startswith("GPU-") and row[-1].startswith(start)), [])


def _run_command(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
