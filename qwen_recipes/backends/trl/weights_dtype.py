"""Where `trainer_plugin.py` casts trained weights after TRL has built its trainer."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.weights_dtype import keeps_master_weights, trains_beside_half_precision, wants_bfloat16


def loads_in_trained_dtype(plan: Plan) -> bool:
    """Whether the whole model is trained and so loaded in the dtype that its weights are held in."""
    return not plan.method.adapter


def choose_weights_cast(plan: Plan) -> str | None:
    """The dtype to cast to, or None where TRL holds trained weights in it anyway.

    PEFT makes an adapter float32; on a quantized base TRL casts it to bfloat16, in every method. Modules that are
    trained whole beside an adapter, and the head of a reward model, stand in the base's dtype.
    """
    if keeps_master_weights(plan) or loads_in_trained_dtype(plan):
        return None
    if wants_bfloat16(plan):
        return "bfloat16"
    beside = trains_beside_half_precision(plan) and not plan.hardware.fsdp
    return "float32" if beside or plan.quantization.bits != 16 else None
