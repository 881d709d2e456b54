"""FlashAttention in fp32.

What:
`training.precision: fp32` with FlashAttention, which is the default with packing in ms-swift.

Why it matters:
FlashAttention computes in 16 bits only. The first step ends with "FlashAttention only support fp16 and bf16 data
type".

Evidence:
The kernel's own check. The source of transformers 5.20: queries in fp32 are cast to the weights' dtype, which is fp32
here. LLaMA-Factory 0.9.5 keeps the frozen base of an adapter in bf16, so it is only checked for full fine-tuning.

Instead:
Write `precision: bf16`. On a GPU without it, `attention: sdpa` (and no packing in ms-swift).
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.guards.optimization.qr407_gpu_without_bf16 import FLASH_ATTENTION


def check(context: GuardContext) -> Iterator[Violation]:
    """Both on a GPU that has FlashAttention (QR407 speaks of the others)."""
    plan, t = context.plan, context.plan.training
    if plan.hardware.device == "cpu" or (context.gpu is not None and not context.gpu.supports_bf16):
        return
    mixed = context.backend.name == "llamafactory" and plan.method.adapter
    if t.precision == "fp32" and t.attention in FLASH_ATTENTION and not mixed:
        yield Violation(
            ("training", "precision"),
            "FlashAttention does not support fp32",
            "precision: bf16",
            Fix((("training.precision", "bf16"),), safe=False),
        )


GUARD = Guard("QR413", "flash-attention-in-fp32", "error", "high", __doc__, check)
