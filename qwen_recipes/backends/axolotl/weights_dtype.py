"""Where Axolotl needs the plugin that casts trained weights."""

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
    """The dtype to cast to, or None where Axolotl holds trained weights in it anyway.

    Its FSDP2 is its own and casts nothing. PEFT makes adapters float32, on a quantized base whatever it is told;
    embeddings and norms it may hold in float32 itself.
    """
    if keeps_master_weights(plan):
        return None
    if wants_bfloat16(plan):
        return "bfloat16"
    return "float32" if trains_beside_half_precision(plan) or is_cast_by_trl(plan) else None
