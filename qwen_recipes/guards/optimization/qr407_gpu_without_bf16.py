"""GPU without bf16 or FlashAttention.

What:
`hardware.gpu` is older than Ampere (T4, V100, RTX 20), and the run computes in bf16 or with FlashAttention.

Why it matters:
These GPUs have neither. The run fails at the first layer, or bf16 is emulated and takes several times as long. They do
support fp16, but it overflows with Qwen3 (QR401).

Evidence:
NVIDIA's data sheets: bf16 needs compute capability 8.0. The source of transformers 5.20, for FlashAttention 2 and 3:
"requires compute capability >= 8" (9.0 for FlashAttention 4). modelscope/ms-swift#5002, lm-sys/FastChat#399: V100.

Instead:
Leave `precision` and `attention` out: on such a GPU the run computes in fp32 with PyTorch's own attention, as with
`precision: fp32` and `attention: sdpa`. That needs more memory: use QLoRA, a smaller model, or an Ampere or newer GPU.
LLaMA-Factory keeps the frozen base of an adapter in bf16 anyway, which such a GPU emulates slowly.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

FLASH_ATTENTION = ("flash_attention_2", "flash_attention_3", "flash_attention_4")


def check(context: GuardContext) -> Iterator[Violation]:
    """What the run wants and the named GPU does not have."""
    gpu, t = context.gpu, context.plan.training
    if gpu is None or gpu.supports_bf16:
        return
    lacks: dict[str, tuple[str, object]] = {}
    if t.precision == "bf16":
        lacks["bf16"] = ("training.precision", "fp32")
    if t.attention in FLASH_ATTENTION:
        lacks["FlashAttention"] = ("training.attention", "sdpa")
    if lacks:
        sets = tuple(lacks.values())
        told = " and ".join(f"{path.rpartition('.')[2]}: {value}" for path, value in sets)
        only_flash = context.backend.name == "ms-swift" and t.packing
        yield Violation(
            ("hardware", "gpu"),
            f"{gpu.name} does not support {' or '.join(lacks)}",
            f"{told}, or an Ampere or newer GPU",
            None if only_flash else Fix(sets, safe=False),
        )


GUARD = Guard("QR407", "gpu-too-old", "error", "high", __doc__, check)
