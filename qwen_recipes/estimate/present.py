"""The GPUs of this machine, as the catalogue knows them."""

from __future__ import annotations

import re
import subprocess

from qwen_recipes.estimate.gpus import GPUS, Gpu

_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


def gpus_present() -> list[Gpu]:
    """The kinds of GPU that nvidia-smi lists and the catalogue has; none where there is no driver."""
    try:
        done = subprocess.run(_QUERY, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.rpartition(", ") for line in done.stdout.splitlines() if ", " in line]
    found = (gpu_of(name, float(memory) / 1024) for name, _, memory in rows if memory.strip().isdigit())
    return list(dict.fromkeys(gpu for gpu in found if gpu is not None))


def gpu_of(name: str, memory: float) -> Gpu | None:
    """The catalogue's GPU for a driver's name, such as `NVIDIA H100 80GB HBM3`, and its memory in GiB."""
    words = set(re.split(r"[\s_-]+", name.lower()))
    fitting = [gpu for gpu in GPUS.values() if _parts(gpu.name) <= words and abs(gpu.memory / memory - 1) < 0.15]
    return max(fitting, key=lambda gpu: len(_parts(gpu.name)), default=None)


def _parts(name: str) -> set[str]:
    return {part for part in name.split("-") if not part.endswith("gb")}
