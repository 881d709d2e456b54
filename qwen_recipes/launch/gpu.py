"""The NVIDIA GPUs of this machine, as the driver's own tool names them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")


@dataclass(frozen=True)
class Gpu:
    """One GPU: memory in MiB, and the version of its driver."""

    name: str
    memory: int
    driver: str


def gpus() -> list[Gpu]:
    """Every GPU that nvidia-smi lists; none where it is missing or fails."""
    rows = (line.split(", ") for line in _run(_QUERY).splitlines())
    return [Gpu(row[0], int(row[1]), row[2]) for row in rows if len(row) == 3 and row[1].isdigit()]


def detected_device() -> str:
    """`cuda` where this machine has an NVIDIA GPU, else `cpu`."""
    if _DRIVER.is_dir() and any(_DRIVER.iterdir()):
        return "cuda"
    return "cuda" if gpus() else "cpu"


def cuda_version() -> str | None:
    """The newest CUDA that the driver runs, such as `13.0`; None where there is no driver."""
    found = re.search(r"CUDA Version:\s*([\d.]+)", _run(("nvidia-smi",)))
    return found[1] if found else None


def _run(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
