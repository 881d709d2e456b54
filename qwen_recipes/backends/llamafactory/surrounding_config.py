"""What the compiled config says beside a recipe's `extra`, as far as guards look at it."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan


def choose_command(plan: Plan) -> str:
    """The command that reads the compiled config."""
    return "train"


def build_surrounding_config(plan: Plan) -> dict[str, object]:
    """Its keys for the model, the adapter and the quantization."""
    bits, adapter = plan.quantization.bits, plan.method.adapter
    named = {"model_name_or_path": plan.model.id, "do_train": True, "finetuning_type": "lora" if adapter else "full"}
    return {**named, **({"quantization_bit": bits} if bits != 16 else {})}
