"""Adapter under ZeRO-3.

What:
An adapter (lora, dora, qlora, qdora) is trained with `hardware.strategy: zero3`.

Why it matters:
ZeRO-3 also shards the frozen base model, which saves little memory when only an adapter is trained. With DeepSpeed
0.18.2 and 0.19.2 the run fails, with shapes that differ on recomputation or with "does not require grad"; with 0.19.3
and 0.19.8 it does not. The guard cannot see which version your environment has. ZeRO-2 works with all of them.

Evidence:
The reports have three causes: (1) non-reentrant checkpointing over partitioned frozen weights recomputes other
shapes (huggingface/trl#2514, huggingface/transformers#47254; deepspeedai/DeepSpeed#8148); (2) a dtype regression of
DeepSpeed 0.19.2 alone (DeepSpeed#8072); (3) "element 0 of tensors does not require grad", from reentrant
checkpointing without input gradients (QR402).

By version, on two H100 (transformers 5.23, peft 0.21.2; docs/research/strategies.md): with DeepSpeed 0.18.2 and
0.19.2, LoRA with non-reentrant checkpointing fails in the first step ("Recomputed values ... have different metadata")
and with reentrant checkpointing trains. With 0.19.3 non-reentrant trains. With 0.19.8 LoRA, DoRA, QLoRA, QDoRA and
LoRA on 8 bits train with either, with the losses of one GPU; (3) did not show. So does LoRA on the versions that
LLaMA-Factory 0.9.5 brings, and on two gloo ranks on the CPU with DeepSpeed 0.18.2 (2026-11-23).
LLaMA-Factory and ms-swift ship such examples. LoRA on a 4B model of 4 x 512 tokens took 10,143 MiB a rank under
ZeRO-2 and 8,186 under ZeRO-3. It is an error for every version, since the versions that fail are in use.

Instead:
Write `strategy: zero2`, or leave `strategy` out. If the base does not fit on one GPU, use `strategy: fsdp`, which
shards it; the suggested fix fits by the estimate at least as well as the recipe does now. `method: qlora` needs less
memory still. If you have measured that your versions work, allow QR101 with that reason.
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
            otherwise="method: qlora, since ZeRO-2 does not fit; or allow QR101 if your versions train it",
            safe=True,
        )


GUARD = Guard("QR101", "adapter-under-zero3", "error", "medium", __doc__, check)
