"""Training in fp16.

What:
`training.precision: fp16`.

Why it matters:
Qwen3 was trained in bfloat16, and its activations exceed what fp16 can hold (65,504): the loss becomes NaN, or the
loss scaler skips one step after another.

Evidence:
All Qwen3 checkpoints have `torch_dtype: bfloat16` in their `config.json`. fp16's range: IEEE 754 binary16.

Instead:
Write `precision: bf16`, or `precision: fp32` on a GPU without bf16 (before Ampere). Or leave `precision` out: the
default is one that `hardware.gpu` supports.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """fp16 was asked for; the fix is what the named GPU can compute (QR407)."""
    if context.plan.training.precision == "fp16":
        lacks_bf16 = context.gpu is not None and not context.gpu.supports_bf16
        able = "fp32" if lacks_bf16 or context.plan.hardware.device == "cpu" else "bf16"
        yield Violation(
            ("training", "precision"),
            "fp16 overflows with Qwen3",
            f"precision: {able}",
            Fix((("training.precision", able),), safe=True),
        )


GUARD = Guard("QR401", "fp16", "error", "high", __doc__, check)
