"""GPUs by name: memory as sold and what the chip can do. Figures from NVIDIA's data sheets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One GPU model. `memory` in GiB as sold, `capability` is CUDA's compute capability."""

    name: str
    memory: int
    capability: float

    @property
    def bf16(self) -> bool:
        """Whether it computes in bfloat16: from Ampere on."""
        return self.capability >= 8.0


GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu("rtx-2080-ti", 11, 7.5),
        Gpu("rtx-3060", 12, 8.6),
        Gpu("rtx-3080", 10, 8.6),
        Gpu("rtx-3090", 24, 8.6),
        Gpu("rtx-4060-ti", 16, 8.9),
        Gpu("rtx-4070", 12, 8.9),
        Gpu("rtx-4080", 16, 8.9),
        Gpu("rtx-4090", 24, 8.9),
        Gpu("rtx-5070", 12, 12.0),
        Gpu("rtx-5080", 16, 12.0),
        Gpu("rtx-5090", 32, 12.0),
        Gpu("rtx-a6000", 48, 8.6),
        Gpu("rtx-6000-ada", 48, 8.9),
        Gpu("rtx-pro-6000", 96, 12.0),
        Gpu("t4", 16, 7.5),
        Gpu("v100", 32, 7.0),
        Gpu("l4", 24, 8.9),
        Gpu("a10", 24, 8.6),
        Gpu("a100-40gb", 40, 8.0),
        Gpu("a100-80gb", 80, 8.0),
        Gpu("l40s", 48, 8.9),
        Gpu("h100", 80, 9.0),
        Gpu("h200", 141, 9.0),
        Gpu("b200", 180, 10.0),
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
