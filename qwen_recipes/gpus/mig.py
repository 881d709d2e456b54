"""Slices of a GPU: NVIDIA's Multi-Instance GPU."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.gpus.gpu_model import GpuModel

_PROFILES: dict[int, dict[int, tuple[int, ...]]] = {
    7: {1: (1, 2), 2: (2,), 3: (4,), 4: (4,), 7: (8,)},
    4: {1: (1,), 2: (2,), 4: (4,)},
    2: {1: (1,), 2: (2,)},
}
"""By how many slices a GPU has: for each size of an instance, its shares of the memory. Of eight where there are seven
slices, else of as many as slices."""
_TOLERANCE = 0.15


class MigError(ValueError):
    """A GPU without MIG, or without this profile; the message says which it has."""


def cut_slice(gpu: GpuModel, profile: str) -> GpuModel:
    """The GPU's MIG instance of a profile such as `3g.40gb`. Raises MigError."""
    if not gpu.mig_slices:
        raise MigError(f"{gpu.name} has no MIG")
    size, memory = (int(part.rstrip("gb")) for part in profile.split("."))
    shares = _count_shares(gpu)
    for share in _PROFILES[gpu.mig_slices].get(size, ()):
        if abs(memory / (gpu.memory * share / shares) - 1) < _TOLERANCE:
            return replace(
                gpu,
                name=f"{gpu.name}-mig-{profile}",
                memory=memory,
                bandwidth=gpu.bandwidth * share / shares,
                bf16_tflops=gpu.bf16_tflops * size / gpu.mig_slices,
                mig_slices=0,
                other_names=(),
            )
    raise MigError(f"{gpu.name} has no MIG profile {profile}; it has {', '.join(list_profiles(gpu))}")


def list_profiles(gpu: GpuModel) -> list[str]:
    """The profiles of a GPU with MIG, the memory rounded: NVIDIA's names may differ by a GB or two."""
    shares = _count_shares(gpu)
    sizes = _PROFILES.get(gpu.mig_slices, {})
    return [f"{size}g.{gpu.memory * share / shares:.0f}gb" for size, parts in sizes.items() for share in parts]


def _count_shares(gpu: GpuModel) -> int:
    return 8 if gpu.mig_slices == 7 else gpu.mig_slices
