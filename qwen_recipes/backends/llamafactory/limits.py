"""What LLaMA-Factory 0.9.5 can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import Limit
from qwen_recipes.backends.plan import Plan


def _own_template(plan: Plan) -> bool:
    return not plan.chat.official


def _quantized_dora(plan: Plan) -> bool:
    return plan.method.variant == "dora" and plan.quantization.bits != 16


def _storage(plan: Plan) -> bool:
    asked = plan.quantization.bits == 4 and "quantization.storage" in plan.asked
    return asked and plan.quantization.storage != plan.training.precision


def _sharded_eight_bits(plan: Plan) -> bool:
    return plan.quantization.bits == 8 and plan.hardware.strategy in ("zero3", "fsdp")


def _blank_in_path(plan: Plan) -> bool:
    return any(c.isspace() for c in plan.output.dir)


LIMITS = (
    Limit("chat.template", _own_template, "its templates are Python code: it reads no Jinja file"),
    Limit(
        "method.variant",
        _quantized_dora,
        "it refuses DoRA on any quantized base since 0.9.3",
    ),
    Limit("quantization.storage", _storage, "it stores 4-bit weights in the compute type, always"),
    Limit("quantization.bits", _sharded_eight_bits, "it shards a 4-bit base, not an 8-bit one"),
    Limit("output.dir", _blank_in_path, "under torchrun it splits its arguments at blanks"),
)
