"""8-bit weights on a GPU older than Turing.

What:
`quantization.bits: 8` on a `hardware.gpu` with a compute capability below 7.5: V100, P100, Titan V.

Why it matters:
bitsandbytes multiplies 8-bit weights on int8 tensor cores, which GPUs have had since Turing. The run fails at the first
layer.

Evidence:
bitsandbytes 0.50's installation guide: LLM.int8() needs compute capability 7.5; 4-bit weights and 8-bit optimizers 6.0.

Instead:
Write `quantization: {bits: 4}`, which these GPUs support.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

TURING_CAPABILITY = 7.5


def check(context: GuardContext) -> Iterator[Violation]:
    """An 8-bit base on a GPU without int8 tensor cores."""
    gpu = context.gpu
    if gpu is None or gpu.capability is None or gpu.capability >= TURING_CAPABILITY:
        return
    if context.plan.quantization.bits == 8:
        yield Violation(
            context.locate_field("quantization.bits"),
            f"8-bit weights need compute capability 7.5; {gpu.name} has {gpu.capability}",
            "bits: 4",
            Fix((("quantization.bits", 4),), safe=False),
        )


GUARD = Guard("QR605", "quantization-unsupported-by-gpu", "error", "high", __doc__, check)
