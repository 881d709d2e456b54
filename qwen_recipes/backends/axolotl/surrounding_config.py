"""What the compiled config says beside a recipe's `extra`, as far as guards look at it."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan


def choose_command(plan: Plan) -> str:
    """The command that reads the compiled config."""
    return "train"


def build_surrounding_config(plan: Plan) -> dict[str, object]:
    """Its keys for the model, the adapter and the quantization."""
    bits, adapter = plan.quantization.bits, plan.method.adapter
    kind = {"adapter": "qlora" if bits == 4 else "lora"} if adapter else {}
    return {"base_model": plan.model.id, **kind, **({f"load_in_{bits}bit": True} if bits != 16 else {})}
