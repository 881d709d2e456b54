"""What the machine can do faster."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.estimate.gpu_models import UnknownGpuError, get_gpu_model
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

TF32_CAPABILITY = 8.0
"""CUDA's compute capability from which on a GPU has TensorFloat-32: Ampere."""


def resolve_tf32(t: Training, hardware: HardwarePlan, precision: str, decisions: PlanDecisions) -> bool:
    """TensorFloat-32 where the GPU has it; with float32 computation only where it is written."""
    able = hardware.device == "cuda" and _has_tf32(hardware.gpu)
    if t.tf32 and not able:
        what = f"{hardware.gpu} is older than Ampere" if hardware.device == "cuda" else "CPUs do not support it"
        decisions.report_problem(("training", "tf32"), f"TensorFloat-32 is not supported: {what}", "remove `tf32`")
    default = able and precision == "bf16"
    why = "faster; most products are computed in bf16 anyway" if default else "keeps full float32 precision"
    return decisions.choose_value("training.tf32", t.tf32, default, why, "hardware")


def _has_tf32(gpu: str | None) -> bool:
    try:
        return gpu is None or get_gpu_model(gpu).capability >= TF32_CAPABILITY
    except UnknownGpuError:
        return True
