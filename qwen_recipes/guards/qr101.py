"""Adapter under ZeRO-3.

What:
An adapter (lora, dora, qlora, qdora) is trained with `hardware.strategy: zero3`.

Why it matters:
ZeRO-3 partitions the frozen base as well, which an adapter gains little from, and on several versions the run
dies with shapes that differ on recomputation or with "does not require grad". ZeRO-2 serves adapters as well and is
safe on every version.

Evidence:
What the reports come down to: (1) non-reentrant checkpointing over partitioned frozen weights recomputes other
shapes (huggingface/trl#2514, huggingface/transformers#47254; fixed by deepspeedai/DeepSpeed#8148 in 0.19.4);
(2) a dtype regression of DeepSpeed 0.19.2 alone (DeepSpeed#8072); (3) "element 0 of tensors does not require grad",
from reentrant checkpointing without input gradients (QR402). It is not broken everywhere: on one H100, one rank,
transformers 5.17, peft 0.21, DeepSpeed 0.19.8 (2026-11-23), LoRA, DoRA and QLoRA trained under ZeRO-3; on two gloo
ranks on the CPU, LLaMA-Factory 0.9.5 with DeepSpeed 0.18.2 did too. LLaMA-Factory and ms-swift ship such examples.

Instead:
Write `strategy: zero2`, or leave `strategy` out. Where ZeRO-3 is needed because the base does not fit on one GPU,
prefer `qlora`; if you have measured that your versions work, allow QR101 with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit


def check(facts: Facts) -> Iterator[Hit]:
    """An adapter whose strategy is ZeRO-3."""
    plan = facts.plan
    if plan.method.adapter and plan.hardware.strategy == "zero3":
        yield Hit(
            ("hardware", "strategy"),
            "an adapter is trained under ZeRO-3",
            "strategy: zero2",
            Fix((("hardware.strategy", "zero2"),), safe=True),
        )


GUARD = Guard("QR101", "adapter-under-zero3", "error", "medium", __doc__, check)
