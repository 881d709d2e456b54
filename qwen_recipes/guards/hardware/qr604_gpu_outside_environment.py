"""GPU that the locked environment does not run on.

What:
`hardware.gpu` is an AMD GPU, is older than Turing (V100, P100, Titan V), or has an Arm host (GH200, GB200, GB10), and
`run.environment` is `managed`.

Why it matters:
The environments that `recipes env create` builds are locked for x86-64 Linux with PyTorch for CUDA 13. With that
PyTorch, AMD GPUs are not found. On GPUs older than Turing, the run fails at the first kernel with "no kernel image is
available". On an Arm host, the packages cannot be installed.

Evidence:
The lock files: torch 2.13.0 with nvidia-cuda-runtime 13.0, x86_64 wheels. CUDA 13's release notes: Maxwell, Pascal and
Volta are no longer supported. The wheel of bitsandbytes 0.50.2 also has libraries for ROCm 6.4 to 7.2, so 4-bit and
8-bit weights need no separate build on AMD. The source of transformers 5.20: `tf32` is refused under ROCm, so
`recipes` leaves it off. FlashAttention, Liger kernels and FP8 were not run on AMD.

Instead:
Install the framework on that machine with a PyTorch build that supports the GPU (for ROCm, for CUDA 12.6, or for Arm),
and write `run: {environment: current}`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A GPU that PyTorch's wheels for CUDA 13 and x86-64 do not run on, in the managed environment."""
    gpu, plan = context.gpu, context.plan
    if gpu is None or plan.hardware.device != "cuda" or plan.run.environment != "managed":
        return
    if why := gpu.outside_cuda_wheels:
        yield Violation(
            ("hardware", "gpu"),
            f"the managed environment does not run on {gpu.name}: {why}",
            "run: {environment: current}, with the framework installed for this GPU",
            Fix((("run.environment", "current"),), safe=False),
        )


GUARD = Guard("QR604", "gpu-outside-environment", "warning", "high", __doc__, check)
