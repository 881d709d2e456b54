"""What the compiled config says beside a recipe's `extra`, as far as guards look at it."""

from __future__ import annotations

from qwen_recipes.backends.ms_swift.native_values import NATIVE_VALUES
from qwen_recipes.backends.plan import Plan


def choose_command(plan: Plan) -> str:
    """The command that reads the compiled config: `sft`, `pt`, `rlhf`, or one of these after `megatron`."""
    kind = plan.objective.type
    if plan.hardware.megatron:
        return f"megatron {NATIVE_VALUES['megatron_command'].get(kind, 'rlhf')}"
    return "rlhf" if plan.objective.kl_weight is not None else NATIVE_VALUES["command"].get(kind, "rlhf")


def build_surrounding_config(plan: Plan) -> dict[str, object]:
    """Its keys for the model, the adapter and the quantization."""
    bits, adapter = plan.quantization.bits, plan.method.adapter
    quantized = {"quant_bits": bits, "quant_method": "bnb"} if bits != 16 else {}
    return {"tuner_type": "lora" if adapter else "full", **quantized}
