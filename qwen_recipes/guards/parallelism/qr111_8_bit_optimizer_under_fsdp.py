"""8-bit optimizer states under FSDP.

What:
One of bitsandbytes' optimizers (`adamw_8bit`, `paged_adamw_8bit`, `paged_adamw_32bit`, `lion_8bit`) is used under
FSDP.

Why it matters:
Training works, but saving the first checkpoint fails: FSDP gathers optimizer states by the shape of their weights, but
bitsandbytes keeps them in its own blocks. Everything trained since the start is lost.

Evidence:
PEFT's page on FSDP: an error when a checkpoint is saved with `paged_adamw_8bit`. oumi-ai/oumi#835 (8-bit AdamW, LoRA
and QLoRA), axolotl-ai-cloud/axolotl#2149. Axolotl 0.21.0 refuses 8-bit optimizers under FSDP2.

Instead:
Write `optimizer: adamw_torch_fused`. Its states are sharded; for an adapter they are small.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

BITSANDBYTES_OPTIMIZERS = ("adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "lion_8bit")


def check(context: GuardContext) -> Iterator[Violation]:
    """An optimizer of bitsandbytes under FSDP."""
    optimizer = context.plan.training.optimizer
    if context.plan.hardware.fsdp and optimizer in BITSANDBYTES_OPTIMIZERS:
        yield Violation(
            ("training", "optimizer"),
            f"FSDP cannot save the states of `{optimizer}`",
            "optimizer: adamw_torch_fused",
            Fix((("training.optimizer", "adamw_torch_fused"),), safe=False),
        )


GUARD = Guard("QR111", "8-bit-optimizer-under-fsdp", "error", "medium", __doc__, check)
