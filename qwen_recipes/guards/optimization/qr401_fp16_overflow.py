"""Training in fp16.

What:
`training.precision: fp16`.

Why it matters:
Qwen3 was trained in bfloat16, and its activations exceed what fp16 can hold (65,504): the loss turns to NaN or the
scaler skips step after step.

Evidence:
All Qwen3 checkpoints state `torch_dtype: bfloat16` in their `config.json`. fp16's range: IEEE 754 binary16.

Instead:
Write `precision: bf16`. A GPU without bf16 (before Ampere) can train in fp32 with a smaller model.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """fp16 was asked for."""
    if context.plan.training.precision == "fp16":
        yield Violation(
            ("training", "precision"),
            "training in fp16 overflows with Qwen3",
            "precision: bf16",
            Fix((("training.precision", "bf16"),), safe=True),
        )


GUARD = Guard("QR401", "fp16", "error", "high", __doc__, check)
