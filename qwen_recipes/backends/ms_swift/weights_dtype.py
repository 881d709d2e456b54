"""Where ms-swift needs the plugin that casts trained weights."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import (
    is_cast_by_trl,
    keeps_master_weights,
    trains_beside_half_precision,
    wants_bfloat16,
)

PLUGIN = Path(__file__).with_name("weights_dtype_plugin.py")


def choose_weights_cast(plan: Plan) -> str | None:
    """The dtype to cast to, or None where ms-swift holds trained weights in it anyway.

    `lora_dtype` would be read for new adapters alone, and undone by TRL. Under FSDP accelerate casts to float32, but
    nothing of a 4-bit model.
    """
    if keeps_master_weights(plan):
        return None
    if wants_bfloat16(plan):
        return "bfloat16" if plan.method.adapter else None
    whole = trains_beside_half_precision(plan) and not (plan.hardware.fsdp and plan.quantization.bits == 16)
    return "float32" if whole or is_cast_by_trl(plan) else None
