"""Pack length not a multiple of 8 in LLaMA-Factory.

What:
`training.packing` with `sdpa` or `eager` attention, and a `sequence_length` that is not a multiple of 8, in
LLaMA-Factory.

Why it matters:
LLaMA-Factory's collator pads tokens to a multiple of 8 and does not pad their positions: the rotary embedding gets
two lengths, and the first step ends with "The size of tensor a must match the size of tensor b".

Evidence:
Tested with LLaMA-Factory 0.9.5; hiyouga/LlamaFactory#10736, fixed after 0.9.5 by #10737. FlashAttention 2 uses a
different code path and is not affected.

Instead:
Use the next lower multiple of 8.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A pack that its collator would pad."""
    t = context.plan.training
    if not t.packing or context.plan.objective.type != "sft" or t.attention not in ("sdpa", "eager"):
        return
    if t.pack_length % 8:
        shorter = t.pack_length // 8 * 8
        field = "sequence_length" if t.pack_length == t.sequence_length else "pack_length"
        yield Violation(
            ("training", field),
            f"tokens of packs are padded from {t.pack_length:,} to a multiple of 8, but positions are not",
            f"{field}: {shorter}",
            Fix(((f"training.{field}", shorter),), safe=False),
        )


GUARD = Guard(
    "QR417", "pack-not-multiple-of-8", "error", "high", __doc__, check, ("llamafactory",), {"llamafactory": "<0.9.6"}
)
