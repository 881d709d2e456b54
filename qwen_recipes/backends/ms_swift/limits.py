"""What ms-swift 4.6 can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import Limit
from qwen_recipes.backends.plan import Plan


def _own_template(plan: Plan) -> bool:
    return not plan.chat.official


def _packs_without_flash(plan: Plan) -> bool:
    return plan.training.packing and plan.training.attention != "flash_attention_2"


def _sharded_quantized(plan: Plan) -> bool:
    return plan.quantization.bits != 16 and plan.hardware.strategy == "zero3"


def _sharded_eight_bits(plan: Plan) -> bool:
    return plan.quantization.bits == 8 and plan.hardware.strategy == "fsdp"


LIMITS = (
    Limit("chat.template", _own_template, "in training it reads no Jinja file, only templates of its own"),
    Limit("training.packing", _packs_without_flash, "it packs only with flash attention"),
    Limit("quantization.bits", _sharded_quantized, "its ZeRO-3 fails on a quantized base (ms-swift#8267)"),
    Limit("quantization.bits", _sharded_eight_bits, "it shards a 4-bit base under FSDP2, not an 8-bit one"),
)
