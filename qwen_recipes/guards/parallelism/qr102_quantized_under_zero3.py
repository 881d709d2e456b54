"""Quantized base under ZeRO-3.

What:
A base that is quantized to 4 or 8 bits when it is loaded is trained with `hardware.strategy: zero3`.

Why it matters:
ZeRO-3 partitions weights that are no longer plain tensors. With 8 bits, a wrong loss has been reported, and no fix is
known. With 4 bits, every process first loads the whole model. What fails depends on the versions.

Evidence:
8 bits: a loss ten times too high, while ZeRO-1 and ZeRO-2 are right, bitsandbytes-foundation/bitsandbytes#1451
(closed, no fix seen), axolotl-ai-cloud/axolotl#2068 (open). 4 bits: huggingface/peft#2016 (out of memory while
loading); modelscope/ms-swift#8267 (open). PEFT documents 4 bits with bfloat16 storage. The scripts that Qwen publishes
warn of both. We could not reproduce it on two H100 with transformers 5.23, DeepSpeed 0.19.8 and bitsandbytes 0.50.2
(docs/research/strategies.md): QLoRA and QDoRA trained, sharded with either storage, and LoRA on 8 bits too, all with
the same losses as on one GPU. On two gloo ranks on the CPU, LLaMA-Factory 0.9.5 with DeepSpeed 0.18.2 trained QLoRA.
Other versions were not run on GPUs.

Instead:
Write `strategy: zero2`: a quantized base is small, and ZeRO-2 partitions the adapter's gradients and states. If that
does not fit, use FSDP with `quantization.storage: bf16`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A base in fewer than 16 bits whose strategy is ZeRO-3."""
    plan = context.plan
    if plan.quantization.bits != 16 and plan.hardware.strategy == "zero3":
        yield make_strategy_violation(
            context,
            ("hardware", "strategy"),
            f"a {plan.quantization.bits}-bit base is trained under ZeRO-3",
            *("zero2", "fsdp"),
            otherwise="strategy: fsdp with `quantization: {bits: 4, storage: bf16}`, if the framework supports it",
            safe=True,
        )


GUARD = Guard("QR102", "quantized-under-zero3", "error", "medium", __doc__, check)
