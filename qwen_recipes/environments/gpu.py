"""The GPUs that a run here would see: NVIDIA's as nvidia-smi names them; of AMD's only whether there is one.

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
_FIELDS = "name,memory.total,driver_version,memory.used,uuid,mig.mode.current"
_QUERY = ("nvidia-smi", f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits")
_LIST = ("nvidia-smi", "-L")
_AMD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")
_FIELDS_OF_ALL_DRIVERS = 5
_MIB = 1 << 20
_MIG_LINE = re.compile(r"\s+MIG (\dg\.(\d+)gb\S*)\s.*UUID: (MIG-[^)\s]+)")


@dataclass(frozen=True)
class DetectedGpu:
    """One GPU: memory in MiB, and the version of its driver."""

    name: str
    memory: int
    driver: str


def detect_gpus() -> list[DetectedGpu]:
    """The GPUs that can be seen; none where nvidia-smi is missing or fails."""
    rows = _query_visible_gpus()
    if any(row[5:] == ["Enabled"] for row in rows) and (found := _detect_mig_slice(rows[0][2])):
        return found
    return [DetectedGpu(row[0], int(row[1]), row[2]) for row in rows if row[1].isdecimal()]


def _detect_mig_slice(driver: str) -> list[DetectedGpu]:
    """The one MIG instance that CUDA uses: the one that is chosen, else the first."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    parent = ""
    for line in _run_command(_LIST).splitlines():
        if named := re.match(r"GPU \d+: (.*) \(UUID", line):
            parent = named[1]
        elif (part := _MIG_LINE.match(line)) and (not chosen.startswith("MIG-") or part[3].startswith(chosen)):
            return [DetectedGpu(f"{parent} MIG {part[1]}", int(part[2]) * 1024, driver)]
    return []


def read_used_gpu_memory(count: int) -> int | None:
    """Bytes in use on the fullest of the first `count` GPUs, whoever uses it; None without nvidia-smi."""
    used = [int(row[3]) for row in _query_visible_gpus()[:count] if row[3].isdecimal()]
    return max(used) * _MIB if used else None


def detect_device() -> str:
    """`cuda` where this machine has an NVIDIA GPU, or one of AMD's, which PyTorch for ROCm names so; else `cpu`."""
    return "cuda" if has_gpu_driver() or detect_gpus() else "cpu"


def has_gpu_driver() -> bool:
    """Whether the kernel lists a GPU of NVIDIA or AMD."""
    return (_DRIVER_FOLDER.is_dir() and any(_DRIVER_FOLDER.iterdir())) or _has_amd_gpu()


def _has_amd_gpu() -> bool:
    """Whether AMD's driver lists a device with compute units; its CPUs have none."""
    try:
        nodes = [file.read_text("utf-8") for file in _AMD_NODES.glob("*/properties")]
    except OSError:
        return False
    return any(re.search(r"^simd_count [1-9]", node, re.M) for node in nodes)


def read_cuda_version() -> str | None:
    """The newest CUDA that the driver runs, such as `13.0`; None where there is no driver."""
    found = re.search(r"CUDA Version:\s*([\d.]+)", _run_command(("nvidia-smi",)))
    return found[1] if found else None


def _query_visible_gpus() -> list[list[str]]:
    rows = [row for line in _run_command(_QUERY).splitlines() if len(row := line.split(", ")) >= _FIELDS_OF_ALL_DRIVERS]
    chosen = [word.strip() for word in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    if not chosen[0] or chosen[0].startswith("MIG-"):
        return rows
    names = {str(index): row for index, row in enumerate(rows)}
    found = (names.get(word) or _find_by_uuid(word, rows) for word in chosen)
    return list(itertools.takewhile(bool, found))


def _find_by_uuid(start: str, rows: list[list[str]]) -> list[str]:
    return next((row for row in rows if start.startswith("GPU-") and row[4].startswith(start)), [])


def _run_command(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
