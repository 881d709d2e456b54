"""Quantized base under ZeRO-3.

What:
A base that is quantized to 4 or 8 bits when it is loaded is trained with `hardware.strategy: zero3`.

Why it matters:
ZeRO-3 partitions weights that are no longer plain tensors. In 8 bits the loss is wrong; in 4 bits every rank first
loads the whole model, and it works with weights stored as bfloat16 only.

Evidence:
8 bits: a loss ten times too high where ZeRO-1 and ZeRO-2 are right, bitsandbytes-foundation/bitsandbytes#1451
(closed, no fix seen), axolotl-ai-cloud/axolotl#2068 (open). 4 bits: huggingface/peft#2016 (out of memory while
loading); modelscope/ms-swift#8267 (open). PEFT documents 4 bits with bfloat16 storage; on one H100, one rank,
transformers 5.17, DeepSpeed 0.19.8, QLoRA trained under ZeRO-3, and on the CPU, two gloo ranks, LLaMA-Factory 0.9.5
with DeepSpeed 0.18.2 did. The scripts that Qwen publishes warn of both.

Instead:
Write `strategy: zero2`: a quantized base is small, and ZeRO-2 partitions what an adapter adds. Where it still does
not fit, take FSDP with `quantization.storage: bf16`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit


def check(facts: Facts) -> Iterator[Hit]:
    """A base in fewer than 16 bits whose strategy is ZeRO-3."""
    plan = facts.plan
    if plan.quantization.bits != 16 and plan.hardware.strategy == "zero3":
        yield Hit(
            ("hardware", "strategy"),
            f"a {plan.quantization.bits}-bit base is trained under ZeRO-3",
            "strategy: zero2",
            Fix((("hardware.strategy", "zero2"),), safe=True),
        )


GUARD = Guard("QR102", "quantized-under-zero3", "error", "medium", __doc__, check)
