"""What the machine can do faster."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions


def resolve_tf32(t: Training, hardware: HardwarePlan, precision: str, decisions: PlanDecisions) -> bool:
    """TensorFloat-32 where the GPU has it; with float32 computation only where it is written."""
    gpu = hardware.gpu
    able = hardware.device == "cuda" and (gpu is None or gpu.supports_tf32)
    if t.tf32 and not able:
        what = f"{gpu.name} does not have it" if gpu and hardware.device == "cuda" else "CPUs do not support it"
        decisions.report_problem(("training", "tf32"), f"TensorFloat-32 is not supported: {what}", "remove `tf32`")
    default = able and precision == "bf16"
    why = "faster; most matrix products are in bf16 anyway" if default else "keeps full float32 precision"
    return decisions.choose_value("training.tf32", t.tf32, default, why, "hardware")
