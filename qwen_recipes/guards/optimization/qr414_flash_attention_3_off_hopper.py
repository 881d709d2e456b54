"""FlashAttention 3 on a GPU other than Hopper.

What:
`training.attention: flash_attention_3` on a `hardware.gpu` that is no Hopper (H100, H200).

Why it matters:
FlashAttention 3 is written for Hopper's instructions, which older and newer GPUs do not have. On Blackwell and on RTX
cards the run ends with "no kernel image", or is no faster.

Evidence:
Dao-AILab/flash-attention states H100 and H800 as its requirement. transformers 5.20, read: it looks only for compute
capability 8 or more, so that nothing is said before the first step. What a packaged build holds differs: so this is a
warning.

Instead:
Write `attention: flash_attention_2`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

HOPPER_CAPABILITY = 9.0


def check(context: GuardContext) -> Iterator[Violation]:
    """FlashAttention 3 on a GPU from Ampere on that is no Hopper (QR407 speaks of older ones)."""
    gpu = context.gpu
    if gpu is None or not gpu.supports_bf16 or gpu.stated or gpu.capability == HOPPER_CAPABILITY:
        return
    if context.plan.training.attention == "flash_attention_3":
        yield Violation(
            ("training", "attention"),
            f"FlashAttention 3 needs a Hopper GPU, not {gpu.name}",
            "attention: flash_attention_2",
            Fix((("training.attention", "flash_attention_2"),), safe=True),
        )


GUARD = Guard("QR414", "flash-attention-3-off-hopper", "warning", "medium", __doc__, check)
