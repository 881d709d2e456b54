"""`training.weights_dtype`: who holds trained weights in which dtype by itself, and what no framework can do.

transformers' Trainer trains what it is given, in the dtype it is given. DeepSpeed and Megatron keep float32 master
weights whatever the model's dtype; accelerate casts what FSDP trains to float32 in mixed precision.
"""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan


def wants_bfloat16(plan: Plan) -> bool:
    """Whether trained weights are to be held in bfloat16."""
    return plan.training.weights_dtype == "bfloat16"


def keeps_master_weights(plan: Plan) -> bool:
    """Whether DeepSpeed or Megatron updates float32 master weights, whatever the model is loaded in."""
    return plan.hardware.deepspeed or plan.hardware.megatron


def trains_beside_half_precision(plan: Plan) -> bool:
    """Whether weights that are trained stand in the base's dtype, 16 bits, unless something casts them.

    All of the model, its last layers, modules that an adapter trains whole, and a reward model's new head.
    """
    whole = not plan.method.adapter or bool(plan.method.modules_to_save) or plan.objective.type == "reward"
    return whole and plan.training.precision != "fp32"


def is_cast_by_trl(plan: Plan) -> bool:
    """Whether TRL's trainers cast an adapter on a quantized base to bfloat16 (all but SFT's, which none uses here)."""
    other = not plan.objective.next_token or plan.objective.kl_weight is not None
    return other and plan.quantization.bits != 16


UNSUPPORTED_WEIGHTS_DTYPES = (
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.training.precision != "bf16",
        "bfloat16 weights need `precision: bf16`",
    ),
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and keeps_master_weights(p),
        "DeepSpeed and Megatron always keep float32 master weights; use `strategy: single` or `ddp`",
    ),
    UnsupportedSetting(
        "training.weights_dtype",
        lambda p: wants_bfloat16(p) and p.hardware.fsdp,
        "accelerate casts trained weights to float32 under FSDP; use `strategy: single` or `ddp`",
    ),
)
"""Settings that no framework supports."""
