"""32-bit optimizer states use much of the memory.

What:
Full fine-tuning on one GPU with a 32-bit optimizer whose two moments need more than a fifth of the memory of
`hardware.gpu`.

Why it matters:
AdamW keeps two numbers for every weight, in the dtype of the weights. In 8 bits they need a quarter to half of that,
with the same result within noise. This leaves memory for longer examples, or makes a run fit that would not.

Evidence:
One H100, Qwen3-4B, all weights, 2,048 tokens (2026-11-23): peak 32,438 MiB with AdamW, 24,839 MiB with `adamw_8bit`,
both with weights in bfloat16 (torch 2.11, bitsandbytes 0.50.2). arXiv:2110.02861 shows that the quality is the same.

Instead:
Write `optimizer: adamw_8bit`, or `paged_adamw_8bit`, which moves states to host memory when the GPU is full.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.sizes import GIB

MAX_GPU_SHARE = 0.2
FULL_SIZE_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused")


def check(context: GuardContext) -> Iterator[Violation]:
    """Moments in full size that take much of the one GPU."""
    plan, gpu = context.plan, context.gpu
    alone = plan.method.type == "full" and plan.hardware.world == 1 and plan.training.optimizer in FULL_SIZE_OPTIMIZERS
    if gpu is None or not alone or plan.hardware.deepspeed:
        return
    wide = plan.training.weights_dtype == "float32"
    moments = context.model.parameters * (8 if wide else 4) / GIB
    if moments > MAX_GPU_SHARE * gpu.memory:
        yield Violation(
            context.locate_field("training.optimizer", "method.type"),
            f"optimizer states need {moments:.0f} GiB; {gpu.name} has {gpu.memory} GiB",
            "optimizer: adamw_8bit",
            Fix((("training.optimizer", "adamw_8bit"),), safe=False),
        )


GUARD = Guard("QR410", "optimizer-in-32-bits", "advice", "medium", __doc__, check)
