"""GPUs by name: memory as sold and what the chip can do.

Memory, bandwidth and rates from NVIDIA's data sheets and architecture papers. The rate is that of dense bf16 products
with float32 accumulation (consumer cards: half of what is printed for float16 accumulation); before Ampere, float16's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_recipes.errors import QwenRecipesError


@dataclass(frozen=True)
class GpuModel:
    """One GPU model. `memory` in GiB as sold, `capability` is CUDA's compute capability, `bandwidth` in GB/s,
    `bf16_tflops` in 10^12 operations a second."""

    name: str
    memory: int
    capability: float
    bandwidth: float
    bf16_tflops: float

    @property
    def supports_bf16(self) -> bool:
        """Whether it computes in bfloat16: from Ampere on."""
        return self.capability >= 8.0


GPUS = {
    gpu.name: gpu
    for gpu in (
        GpuModel("rtx-2080-ti", 11, 7.5, 616, 54),
        GpuModel("rtx-3060", 12, 8.6, 360, 26),
        GpuModel("rtx-3080", 10, 8.6, 760, 60),
        GpuModel("rtx-3090", 24, 8.6, 936, 71),
        GpuModel("rtx-4060-ti", 16, 8.9, 288, 44),
        GpuModel("rtx-4070", 12, 8.9, 504, 58),
        GpuModel("rtx-4080", 16, 8.9, 717, 97),
        GpuModel("rtx-4090", 24, 8.9, 1008, 165),
        GpuModel("rtx-5070", 12, 12.0, 672, 62),
        GpuModel("rtx-5080", 16, 12.0, 960, 113),
        GpuModel("rtx-5090", 32, 12.0, 1792, 210),
        GpuModel("rtx-a6000", 48, 8.6, 768, 155),
        GpuModel("rtx-6000-ada", 48, 8.9, 960, 364),
        GpuModel("rtx-pro-6000", 96, 12.0, 1792, 504),
        GpuModel("rtx-3060-ti", 8, 8.6, 448, 32),
        GpuModel("rtx-3070", 8, 8.6, 448, 41),
        GpuModel("rtx-3080-ti", 12, 8.6, 912, 68),
        GpuModel("rtx-3090-ti", 24, 8.6, 1008, 80),
        GpuModel("rtx-4060", 8, 8.9, 272, 30),
        GpuModel("rtx-4070-ti-super", 16, 8.9, 672, 88),
        GpuModel("rtx-5060-ti", 16, 12.0, 448, 47),
        GpuModel("rtx-5070-ti", 16, 12.0, 896, 88),
        GpuModel("rtx-a5000", 24, 8.6, 768, 111),
        GpuModel("a40", 48, 8.6, 696, 150),
        GpuModel("a30", 24, 8.0, 933, 165),
        GpuModel("l40", 48, 8.9, 864, 181),
        GpuModel("t4", 16, 7.5, 320, 65),
        GpuModel("v100", 32, 7.0, 900, 125),
        GpuModel("l4", 24, 8.9, 300, 121),
        GpuModel("a10", 24, 8.6, 600, 125),
        GpuModel("a100-40gb", 40, 8.0, 1555, 312),
        GpuModel("a100-80gb", 80, 8.0, 2039, 312),
        GpuModel("l40s", 48, 8.9, 864, 362),
        GpuModel("h100", 80, 9.0, 3350, 989),
        GpuModel("h200", 141, 9.0, 4800, 989),
        GpuModel("b200", 180, 10.0, 8000, 2250),
    )
}


class UnknownGpuError(QwenRecipesError, LookupError):
    """No GPU of that name is in the catalogue."""


def get_gpu_model(name: str) -> GpuModel:
    """The GPU with this name. Raises UnknownGpuError, naming what is near."""
    key = name.lower().replace(" ", "-").replace("_", "-").removeprefix("nvidia-").removeprefix("geforce-")
    if key in GPUS:
        return GPUS[key]
    import difflib

    near = difflib.get_close_matches(key, GPUS, n=3, cutoff=0.5)
    raise UnknownGpuError(f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(GPUS)}")


def identify_gpu(name: str, memory: float) -> GpuModel | None:
    """The catalogue's GPU for a driver's name, such as `NVIDIA H100 80GB HBM3`, and its memory in GiB."""
    words = set(re.split(r"[\s_-]+", name.lower()))
    fitting = [
        gpu for gpu in GPUS.values() if _split_gpu_name(gpu.name) <= words and abs(gpu.memory / memory - 1) < 0.15
    ]
    return max(fitting, key=lambda gpu: len(_split_gpu_name(gpu.name)), default=None)


def _split_gpu_name(name: str) -> set[str]:
    return {part for part in name.split("-") if not part.endswith("gb")}
