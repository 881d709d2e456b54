"""Preferences on a quantized base under FSDP.

What:
DPO, ORPO or KTO in Axolotl, with an adapter on a 4- or 8-bit base, under FSDP.

Why it matters:
Axolotl refuses this combination when it reads the config, so nothing is trained.

Evidence:
Axolotl 0.21.0, `check_fsdp2_base_model_quant_rl` in its validation: "FSDP2 does not support load_in_8bit or
load_in_4bit" with these objectives.

Instead:
Write `strategy: zero2`: a quantized base is small, and the reference model is the base without its adapter, so there
is no second model in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.strategy_fixes import make_strategy_violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A preference objective, a quantized base and FSDP together."""
    plan = context.plan
    if plan.hardware.fsdp and plan.quantization.bits != 16 and plan.objective.type in ("dpo", "orpo", "kto"):
        yield make_strategy_violation(
            context,
            ("hardware", "strategy"),
            f"Axolotl refuses {plan.objective.type} on a {plan.quantization.bits}-bit base under FSDP",
            "zero2",
            otherwise="method: lora",
        )


GUARD = Guard("QR112", "quantized-preferences-under-fsdp", "error", "high", __doc__, check, backends=("axolotl",))
