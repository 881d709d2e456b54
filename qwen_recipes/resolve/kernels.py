"""Fused kernels: which are on."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan, MethodPlan, ObjectivePlan
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

LIGER_REASON = "saves memory: the loss does not store all logits"


def resolve_liger(
    t: Training,
    objective: ObjectivePlan,
    facts: ModelFacts,
    method: MethodPlan,
    hardware: HardwarePlan,
    decisions: PlanDecisions,
) -> bool:
    """Liger's kernels: on by default, but not where they can't run or were never tried."""
    if t.kernels is not None:
        return resolve_kernel(t, "liger", "liger", decisions)
    against = _find_liger_conflict(t, objective, facts, method, hardware)
    return decisions.derive_value("training.liger", not against, against or LIGER_REASON, origin="default")


def _find_liger_conflict(
    t: Training, objective: ObjectivePlan, facts: ModelFacts, method: MethodPlan, hardware: HardwarePlan
) -> str:
    reasons = {
        "Triton kernels need a GPU": hardware.device == "cpu",
        "Triton kernels need a GPU of compute capability 7.0": bool(hardware.gpu and not hardware.gpu.runs_triton),
        "tested with the next-token loss only": not objective.next_token or objective.kl_weight is not None,
        "not tested with modules_to_save": bool(method.modules_to_save),
        "not tested with mixtures of experts": bool(facts.experts),
        "not tested with tensor or context parallelism": hardware.tensor_parallel * hardware.context_parallel > 1,
        "Megatron has its own kernels": hardware.megatron,
        "not tested with FP8 and torch.compile": bool(t.fp8 or t.compile),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def resolve_kernel(t: Training, name: str, kernel: str, decisions: PlanDecisions) -> bool:
    """Whether a kernel was asked for. Only those that are on, or were refused by `none`, come from the recipe."""
    asked = kernel in t.kernels if t.kernels is not None and (kernel in t.kernels or t.kernels == ["none"]) else None
    why = "needs no extra package" if t.kernels is None else "not in training.kernels"
    return decisions.choose_value(f"training.{name}", asked, False, why, field="training.kernels")
