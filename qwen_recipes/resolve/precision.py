"""In what the run computes: bf16, and float32 where there is no bf16."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions


def resolve_precision(t: Training, hardware: HardwarePlan, decisions: PlanDecisions) -> str:
    """What the recipe says, else bf16 on a GPU that has it and float32 elsewhere; fp16 overflows with Qwen3."""
    if hardware.device == "cpu":
        default, why = "fp32", "CPUs train in full precision"
    elif hardware.gpu and not hardware.gpu.supports_bf16:
        default, why = "fp32", f"{hardware.gpu.name} has no bf16, and fp16 overflows (QR401)"
        return decisions.choose_value("training.precision", t.precision, default, why, "hardware")
    else:
        default, why = "bf16", "Qwen3 was trained in bf16; fp16 overflows (QR401)"
    return decisions.choose_value("training.precision", t.precision, default, why)
