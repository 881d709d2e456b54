"""GPUs by name: memory as sold and what the chip can do.

Memory, bandwidth and rates from NVIDIA's data sheets and architecture papers. The rate is that of dense bf16 products
with float32 accumulation (consumer cards: half of what is printed for float16 accumulation); before Ampere, float16's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One GPU model. `memory` in GiB as sold, `capability` is CUDA's compute capability, `bandwidth` in GB/s,
    `bf16_tflops` in 10^12 operations a second."""

    name: str
    memory: int
    capability: float
    bandwidth: float
    bf16_tflops: float

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16: from Ampere on."""
        return self.capability >= 8.0


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("rtx-2080-ti", 11, 7.5, 616, 54),
        Gpu("rtx-3060", 12, 8.6, 360, 26),
        Gpu("rtx-3080", 10, 8.6, 760, 60),
        Gpu("rtx-3090", 24, 8.6, 936, 71),
        Gpu("rtx-4060-ti", 16, 8.9, 288, 44),
        Gpu("rtx-4070", 12, 8.9, 504, 58),
        Gpu("rtx-4080", 16, 8.9, 717, 97),
        Gpu("rtx-4090", 24, 8.9, 1008, 165),
        Gpu("rtx-5070", 12, 12.0, 672, 62),
        Gpu("rtx-5080", 16, 12.0, 960, 113),
        Gpu("rtx-5090", 32, 12.0, 1792, 210),
        Gpu("rtx-a6000", 48, 8.6, 768, 155),
        Gpu("rtx-6000-ada", 48, 8.9, 960, 364),
        Gpu("rtx-pro-6000", 96, 12.0, 1792, 504),
        Gpu("rtx-3060-ti", 8, 8.6, 448, 32),
        Gpu("rtx-3070", 8, 8.6, 448, 41),
        Gpu("rtx-3080-ti", 12, 8.6, 912, 68),
        Gpu("rtx-3090-ti", 24, 8.6, 1008, 80),
        Gpu("rtx-4060", 8, 8.9, 272, 30),
        Gpu("rtx-4070-ti-super", 16, 8.9, 672, 88),
        Gpu("rtx-5060-ti", 16, 12.0, 448, 47),
        Gpu("rtx-5070-ti", 16, 12.0, 896, 88),
        Gpu("rtx-a5000", 24, 8.6, 768, 111),
        Gpu("a40", 48, 8.6, 696, 150),
        Gpu("a30", 24, 8.0, 933, 165),
        Gpu("l40", 48, 8.9, 864, 181),
        Gpu("t4", 16, 7.5, 320, 65),
        Gpu("v100", 32, 7.0, 900, 125),
        Gpu("l4", 24, 8.9, 300, 121),
        Gpu("a10", 24, 8.6, 600, 125),
        Gpu("a100-40gb", 40, 8.0, 1555, 312),
        Gpu("a100-80gb", 80, 8.0, 2039, 312),
        Gpu("l40s", 48, 8.9, 864, 362),
        Gpu("h100", 80, 9.0, 3350, 989),
        Gpu("h200", 141, 9.0, 4800, 989),
        Gpu("b200", 180, 10.0, 8000, 2250),
    )
}


class UnknownGpu(LookupError):
    """No GPU of that name is in the catalogue."""


def gpu_named(name: str) -> Gpu:
    """The GPU with this name. Raises UnknownGpu, naming what is near."""
    key = name.lower().replace(" ", "-").replace("_", "-").removeprefix("nvidia-").removeprefix("geforce-")
    if key in GPUS:
        return GPUS[key]
    import difflib

    near = difflib.get_close_matches(key, GPUS, n=3, cutoff=0.5)
    raise UnknownGpu(f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(GPUS)}")


def gpu_of(name: str, memory: float) -> Gpu | None:
    """The catalogue's GPU for a driver's name, such as `NVIDIA H100 80GB HBM3`, and its memory in GiB."""
    words = set(re.split(r"[\s_-]+", name.lower()))
    fitting = [gpu for gpu in GPUS.values() if _parts(gpu.name) <= words and abs(gpu.memory / memory - 1) < 0.15]
    return max(fitting, key=lambda gpu: len(_parts(gpu.name)), default=None)


def _parts(name: str) -> set[str]:
    return {part for part in name.split("-") if not part.endswith("gb")}
