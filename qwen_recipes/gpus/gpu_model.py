"""What is known of a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Maker = Literal["nvidia", "amd"]

ASSUMED_BANDWIDTH, ASSUMED_TFLOPS = 600, 125
"""Rates of a GPU that only its memory is stated of: an A10's. What follows from them is not shown."""
_OLDEST_IN_TRITON = 7.0
_OLDEST_IN_CUDA_13 = 7.5


@dataclass(frozen=True)
class GpuModel:
    """One GPU model. `memory` in GiB as sold, `bandwidth` in GB/s, `bf16_tflops` in 10^12 dense operations a second
    with float32 accumulation (before Ampere, fp16's).

    `capability` is CUDA's compute capability; None of AMD's GPUs and of one that is stated. `mig_slices` is how many
    MIG instances it can be split into, 0 where it has no MIG. `host` is the kind of CPU it comes with.
    """

    name: str
    memory: float
    capability: float | None
    bandwidth: float
    bf16_tflops: float
    supports_bf16: bool
    maker: Maker = "nvidia"
    mig_slices: int = 0
    host: Literal["x86", "arm"] = "x86"
    other_names: tuple[str, ...] = ()
    source: str = ""
    stated: bool = False

    @property
    def supports_tf32(self) -> bool:
        """Whether frameworks can turn on TensorFloat-32: NVIDIA's Ampere and newer GPUs."""
        return self.maker == "nvidia" and self.supports_bf16

    @property
    def runs_triton(self) -> bool:
        """Whether Triton compiles kernels for it: NVIDIA's Volta and newer GPUs, and AMD's."""
        return self.capability is None or self.capability >= _OLDEST_IN_TRITON

    @property
    def outside_cuda_wheels(self) -> str:
        """Why PyTorch's CUDA 13 wheels for x86-64, which our environments are locked to, do not run on it; or ''."""
        if self.maker == "amd":
            return "AMD's GPUs need PyTorch for ROCm"
        if self.capability is not None and self.capability < _OLDEST_IN_CUDA_13:
            return f"CUDA 13 has no code for compute capability {self.capability}"
        return "its host is an Arm CPU" if self.host == "arm" else ""


def state_gpu(memory: float, *, bf16: bool = True, name: str = "") -> GpuModel:
    """A GPU of which a person states the memory, in GiB, and whether it computes in bf16."""
    return GpuModel(
        name or f"a GPU with {memory:g} GiB", memory, None, ASSUMED_BANDWIDTH, ASSUMED_TFLOPS, bf16, stated=True
    )


def restate_gpu(gpu: GpuModel, memory: float | None, bf16: bool | None) -> GpuModel:
    """A GPU of the catalogue with what a person states of it."""
    return replace(
        gpu,
        memory=gpu.memory if memory is None else memory,
        supports_bf16=gpu.supports_bf16 if bf16 is None else bf16,
    )
