"""Quantized base under FSDP, stored in another type than it is computed in.

What:
A 4-bit base is trained with `hardware.strategy: fsdp` and `quantization.storage: uint8`.

Why it matters:
FSDP shards only weights of the type it computes in. Stored as uint8, the 4-bit weights stay whole on every GPU: the
run trains, and the memory that sharding should have saved is not saved. An 8-bit base is not sharded at all.

Evidence:
huggingface/peft#1432, bitsandbytes-foundation/bitsandbytes#1709, axolotl-ai-cloud/axolotl#2250. Axolotl 0.21 ships an
FSDP example with a 4-bit base, whose weights it stores as bfloat16; so "quantized bases and FSDP do not go together"
is true of the default storage only.

Instead:
Write `quantization.storage: bf16`, or leave `storage` out.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit


def check(facts: Facts) -> Iterator[Hit]:
    """4-bit weights that FSDP can't shard."""
    plan = facts.plan
    if plan.quantization.bits == 4 and plan.hardware.strategy == "fsdp" and plan.quantization.storage == "uint8":
        yield Hit(
            ("quantization", "storage"),
            "FSDP leaves 4-bit weights stored as uint8 unsharded",
            "storage: bf16",
            Fix((("quantization.storage", "bf16"),), safe=True),
        )


GUARD = Guard("QR103", "quantized-under-fsdp", "error", "high", __doc__, check)
