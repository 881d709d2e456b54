"""Offload to host memory.

What:
`hardware.offload` keeps the optimizer states, or the weights too, in host memory.

Why it matters:
Every step then moves gradients and weights over PCIe and runs the optimizer on the CPU. Expect the run to be 2 to 5
times slower, and to need at least 60 GiB of host memory.

Evidence:
pytorch/pytorch#74588: 3 to 10 times slower under FSDP, because of the optimizer on the CPU;
Lightning-AI/pytorch-lightning#18336. DeepSpeed's own CPU Adam is faster (Ren et al. 2021, ZeRO-Offload,
arXiv:2101.06840); on two A100 and a host with 128 cores, a step of a 3B model still takes seconds
(deepspeedai/DeepSpeed#7474).

Instead:
Try these first, in this order: a fused loss (`kernels: [liger]`), a smaller micro-batch, `method: qlora`, an 8-bit
optimizer, more GPUs. Then write `offload: none`. If you accept the cost, add QR109 to `allow` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qwen_recipes.estimate import estimate_plan
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Anything kept in host memory."""
    kept = context.plan.hardware.offload
    if kept != "none" and not _needs_offload(context):
        what = "the optimizer is" if kept == "optimizer" else "weights and optimizer are"
        yield Violation(
            ("hardware", "offload"),
            f"{what} in host memory: 2 to 5 times slower",
            "offload: none, if the run fits without it",
            Fix((("hardware.offload", "none"),), safe=False),
        )


def _needs_offload(context: GuardContext) -> bool:
    """Whether the named GPU is too small without, by the estimate."""
    plan = context.plan
    without = replace(plan, hardware=replace(plan.hardware, offload="none"))
    return context.gpu is not None and estimate_plan(without, context.model, context.gpu).check_fit() != "yes"


GUARD = Guard("QR109", "offload", "warning", "medium", __doc__, check)
