"""8-bit base.

What:
The frozen base is quantized to 8 bits.

Why it matters:
An 8-bit base learns no better than a 4-bit one, is slower, and needs far more memory: the quantized weights are twice
the size, and the 8-bit matrix product keeps activations in 16 bits for outliers.

Evidence:
Measured on one H100, Qwen3-4B's shape, rank 32, 2,048 tokens (transformers 5.17, bitsandbytes 0.50.2): 21.6 GB at
the peak and 1,579 tokens/s with 8 bits, 9.2 GB and 2,408 tokens/s with 4 bits. QLoRA with 4 bits matches 16-bit
fine-tuning (Dettmers et al. 2023, arXiv:2305.14314). unslothai/unsloth#3501: 8 bits failed with
Qwen3-4B-Instruct-2507 (a fix, unslothai/unsloth#3806, was merged).

Instead:
Write `bits: 4`. If you have memory to spare, keep the base in 16 bits, which is faster and exact.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A base in 8 bits."""
    if context.plan.quantization.bits == 8:
        yield Violation(
            ("quantization", "bits"),
            "an 8-bit base is slower than a 4-bit base, needs more than twice the memory, and is no better",
            "bits: 4",
            Fix((("quantization.bits", 4),), safe=False),
        )


GUARD = Guard("QR205", "8-bit-base", "warning", "high", __doc__, check)
