"""FP8 on a GPU without FP8.

What:
`training.fp8: true` on a `hardware.gpu` before Ada (LLaMA-Factory), or before Hopper (Axolotl).

Why it matters:
FP8 matrix products need tensor cores that older GPUs do not have. The framework refuses to start, on a machine that
you have already rented.

Evidence:
NVIDIA's data sheets: FP8 tensor cores need compute capability 8.9. The source of Axolotl 0.21.0: it requires 9.0.

Instead:
Write `fp8: false`, or leave it out; bf16 is what Qwen3 was trained in.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

MIN_CAPABILITY = {"axolotl": 9.0}
ADA_CAPABILITY = 8.9


def check(context: GuardContext) -> Iterator[Violation]:
    """FP8 on a GPU that the backend finds too old."""
    gpu = context.gpu
    if (
        context.plan.training.fp8
        and gpu is not None
        and gpu.capability is not None
        and gpu.capability < MIN_CAPABILITY.get(context.backend.name, ADA_CAPABILITY)
    ):
        yield Violation(
            ("training", "fp8"),
            f"{context.backend.title} does not support FP8 on {gpu.name}",
            "fp8: false",
            Fix((("training.fp8", False),), safe=True),
        )


GUARD = Guard("QR416", "fp8-unsupported", "error", "high", __doc__, check)
