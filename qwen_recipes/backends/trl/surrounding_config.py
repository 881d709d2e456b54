"""What the compiled config says beside a recipe's `extra`, as far as guards look at it."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.trl.native_values import NATIVE_VALUES


def choose_command(plan: Plan) -> str:
    """The method whose script reads the compiled config."""
    method: str = NATIVE_VALUES["method"].get(plan.objective.type, "sft")
    return method


def build_surrounding_config(plan: Plan) -> dict[str, object]:
    """Its keys for the model, the adapter and the quantization."""
    bits = plan.quantization.bits
    named = {"model_name_or_path": plan.model.id, "use_peft": plan.method.adapter}
    return {**named, **({f"load_in_{bits}bit": True} if bits != 16 else {})}
