"""Modules saved whole under FSDP with ms-swift.

What:
With ms-swift, an adapter with `method.modules_to_save` is trained under FSDP.

Why it matters:
Saving the checkpoint is reported to hang: training finishes, but its result is not saved.

Evidence:
modelscope/ms-swift#9313, May 2026: plain LoRA was saved, but with modules to save it hung, after one step on two GPUs
(Qwen2.5-Omni, full_shard). The issue was closed as stale, without a fix. Not tested on Qwen3.

Instead:
Write `strategy: zero2`, or train with Axolotl.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Modules to save, under FSDP."""
    plan = context.plan
    if plan.hardware.fsdp and plan.method.adapter and plan.method.modules_to_save:
        yield make_strategy_violation(
            context,
            ("method", "modules_to_save"),
            "saving whole modules under FSDP is reported to hang in ms-swift",
            "zero2",
            otherwise="remove `modules_to_save`",
        )


GUARD = Guard("QR114", "modules-to-save-under-fsdp", "warning", "low", __doc__, check, backends=("ms-swift",))
