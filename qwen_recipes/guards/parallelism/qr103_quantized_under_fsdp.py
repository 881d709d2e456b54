"""Quantized base that FSDP does not shard.

What:
The base is quantized and sharded by FSDP (`fsdp` or `fsdp1`): to 4 bits with weights stored as uint8, or to 8 bits.

Why it matters:
FSDP shards only weights of the dtype that it computes in. 4-bit weights stored as uint8 stay whole on every GPU under
FSDP2: the run trains, but saves no memory. FSDP1 stops with an error.

Evidence:
huggingface/peft#1432, bitsandbytes-foundation/bitsandbytes#1709, axolotl-ai-cloud/axolotl#2250; accelerate 1.15 warns
and leaves such weights whole. So "quantized bases and FSDP do not go together" is only true of the default storage:
Axolotl 0.21 ships an FSDP example with a 4-bit base stored as bfloat16. On two H100 (transformers 5.23, accelerate
1.15, docs/research/strategies.md): QLoRA under FSDP2 trained with either storage; each rank held 1.27 GiB of a 4B
model with bf16 and 2.12 GiB with uint8. FSDP1: bf16 trained, but the adapter that the Trainer saved was empty; uint8
failed with "Cannot flatten integer dtype tensors". DoRA, with or without a 4-bit base: FSDP2 trained, FSDP1 failed in
PEFT with "tuple index out of range". 8 bits failed under both ("only Tensors of floating point dtype can require
gradients"); LLaMA-Factory 0.9.5 raises, PEFT advises against it. All of this was the same with either kind of
checkpointing. Under DDP and ZeRO-2 every one of these methods trained.

Instead:
Write `quantization.storage: bf16`, or leave `storage` out. With an 8-bit base, quantize to 4 bits or use ZeRO-2.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Quantized weights that FSDP can't shard."""
    plan = context.plan
    if not plan.hardware.fsdp:
        return
    if plan.quantization.bits == 8:
        yield Violation(
            ("quantization", "bits"),
            "FSDP does not shard an 8-bit base",
            "bits: 4",
            Fix((("quantization.bits", 4),), safe=False),
        )
    elif plan.quantization.bits == 4 and plan.quantization.storage == "uint8":
        yield Violation(
            ("quantization", "storage"),
            "FSDP leaves 4-bit weights stored as uint8 unsharded",
            "storage: bf16",
            Fix((("quantization.storage", "bf16"),), safe=True),
        )


GUARD = Guard("QR103", "quantized-under-fsdp", "error", "high", __doc__, check)
