"""QDoRA under ZeRO-2.

What:
DoRA on a quantized base is trained with ZeRO-2, the default strategy for several GPUs.

Why it matters:
Problems with this combination have been reported but never explained. It may train correctly: compare the loss of the
first steps with a run on one GPU.

Evidence:
PEFT's page on DoRA says that issues were reported with QDoRA and DeepSpeed ZeRO-2, without a cause (August 2026). On
two H100 (transformers 5.23, peft 0.21.2, DeepSpeed 0.19.8, docs/research/strategies.md) it did not occur: QDoRA
trained under ZeRO-2 with both kinds of checkpointing and both storage types, with the same losses as on one GPU. QDoRA
with FSDP was fixed by huggingface/peft#1806.

Instead:
Write `strategy: ddp`: a quantized base is small enough for a full copy on each GPU. Or train without DoRA (`method:
qlora`).
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation


def check(context: GuardContext) -> Iterator[Violation]:
    """DoRA on a quantized base whose strategy is ZeRO-2."""
    plan = context.plan
    if plan.method.variant != "dora" or plan.quantization.bits == 16 or plan.hardware.strategy != "zero2":
        return
    alone = "ddp" if plan.hardware.world > 1 else "single"
    yield make_strategy_violation(
        context,
        context.locate_field("hardware.strategy", "method.type"),
        "DoRA on a quantized base under ZeRO-2",
        alone,
        otherwise="method: qlora",
    )


GUARD = Guard("QR104", "qdora-under-zero2", "warning", "low", __doc__, check)
