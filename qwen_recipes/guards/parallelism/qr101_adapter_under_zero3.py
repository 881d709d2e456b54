"""Adapter under ZeRO-3.

What:
An adapter (lora, dora, qlora, qdora) is trained with `hardware.strategy: zero3`.

Why it matters:
ZeRO-3 also shards the frozen base model, which saves little memory when only an adapter is trained. With DeepSpeed
0.18.2 and 0.19.2 the run fails: shapes differ when activations are recomputed, or an error says "does not require
grad". With 0.19.3 and 0.19.8 it works. The guard cannot see which version your environment has. ZeRO-2 works with all
of them.

Evidence:
The reports have three causes: (1) non-reentrant checkpointing over partitioned frozen weights recomputes different
shapes (huggingface/trl#2514, huggingface/transformers#47254; deepspeedai/DeepSpeed#8148); (2) a dtype regression in
DeepSpeed 0.19.2 only (DeepSpeed#8072); (3) "element 0 of tensors does not require grad", from reentrant checkpointing
without input gradients (QR402).

By version, on two H100 (transformers 5.23, peft 0.21.2; docs/research/strategies.md): with DeepSpeed 0.18.2 and
0.19.2, LoRA fails in the first step with non-reentrant checkpointing ("Recomputed values ... have different metadata")
and trains with reentrant checkpointing. With 0.19.3 non-reentrant checkpointing trains. With 0.19.8 LoRA, DoRA, QLoRA,
QDoRA and LoRA on 8 bits train with either, with the same losses as on one GPU, and (3) did not occur. LoRA also trains
with the versions that LLaMA-Factory 0.9.5 requires, and on two gloo ranks on the CPU with DeepSpeed 0.18.2
(2026-11-23). LLaMA-Factory and ms-swift ship such examples. LoRA on a 4B model with 4 x 512 tokens took 10,143 MiB per
rank under ZeRO-2 and 8,186 under ZeRO-3. The guard is an error for every version, since versions that fail are still
in use.

Instead:
Write `strategy: zero2`, or leave `strategy` out. If the base does not fit on one GPU, use `strategy: fsdp`, which
shards it; by the estimate, the suggested fix fits at least as well as the recipe does now. `method: qlora` needs even
less memory. If you have found that your versions work, add QR101 to `allow` with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation


def check(context: GuardContext) -> Iterator[Violation]:
    """An adapter whose strategy is ZeRO-3."""
    plan = context.plan
    if plan.method.adapter and plan.hardware.strategy == "zero3":
        yield make_strategy_violation(
            context,
            ("hardware", "strategy"),
            "an adapter is trained under ZeRO-3",
            *("zero2", "fsdp"),
            otherwise="method: qlora, since ZeRO-2 does not fit; or add QR101 to `allow` if your versions work",
            safe=True,
        )


GUARD = Guard("QR101", "adapter-under-zero3", "error", "medium", __doc__, check)
