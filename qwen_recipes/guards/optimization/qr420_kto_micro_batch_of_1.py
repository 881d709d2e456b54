"""KTO with a micro-batch of 1.

What:
`objective: kto` with a micro-batch of 1, in Axolotl or ms-swift.

Why it matters:
KTO estimates the divergence by pairing each prompt with the answer of another example of the micro-batch. With one
example there is no other, and TRL, which both frameworks use, refuses to train.

Evidence:
The source of TRL 1.14 (Axolotl 0.21.0) and 0.29 (ms-swift 4.6.0): "Actual (not effective) batch size must be > 1".
Gradient accumulation does not help. LLaMA-Factory 0.9.5 pairs rows beforehand and accepts 1.

Instead:
Write `micro_batch_size: 2` or more. If memory is short, use a shorter `sequence_length`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A micro-batch of KTO without a second row."""
    plan, t = context.plan, context.plan.training
    if plan.objective.type == "kto" and t.micro_batch_size == 1:
        splits = t.batch_size % (2 * plan.hardware.replicas) == 0
        fields = ("micro_batch_size", "batch_size", "sequence_length")
        yield Violation(
            context.locate_field(*(f"training.{field}" for field in fields), "objective.type"),
            "KTO needs several examples per micro-batch",
            "micro_batch_size: 2",
            Fix((("training.micro_batch_size", 2),), safe=False) if splits else None,
        )


GUARD = Guard("QR420", "kto-single-row", "error", "high", __doc__, check, ("axolotl", "ms-swift"))
