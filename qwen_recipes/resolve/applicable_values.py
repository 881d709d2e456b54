"""Which values of a plan apply to a recipe: those that this objective, method, scheduler and machine use."""

from __future__ import annotations

from collections.abc import Callable

from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.interval_checks import SCHEDULERS_WITH_MINIMUM
from qwen_recipes.resolve.plan_table import PlanValue, list_plan_values

_PREFERENCE_BETA = {"dpo", "orpo", "simpo", "kto", "grpo"}
_GRPO = {"grpo"}
OBJECTIVES_BY_FIELD: dict[str, set[str]] = {
    "loss": {"dpo"},
    "beta": _PREFERENCE_BETA,
    "gamma": {"simpo"},
    "label_smoothing": {"dpo"},
    "sft_weight": {"dpo", "simpo"},
    "desirable_weight": {"kto"},
    "undesirable_weight": {"kto"},
    "kl_weight": {"sft"},
    "reference": {"dpo", "kto", "grpo"},
    **dict.fromkeys(
        ("rewards", "generations", "max_completion_length", "temperature", "epsilon", "top_p", "top_k", "vllm"), _GRPO
    ),
}
"""Objectives that use a field of `objective`; the others ignore it."""
_INTERNAL_FIELDS = {
    "model.local",
    "model.model_type",
    "model.layer_class",
    "model.dense",
    "model.tied",
    "chat.official",
    "method.layer_numbers",
}
"""Facts that no field of a recipe sets."""
_CONDITIONS: dict[str, Callable[[Plan], bool]] = {
    "chat.": lambda plan: plan.objective.chat,
    "objective.vllm_memory": lambda plan: plan.objective.vllm == "colocate",
    "objective.vllm_host": lambda plan: plan.objective.vllm == "server",
    "objective.vllm_port": lambda plan: plan.objective.vllm == "server",
    "training.low_rank.": lambda plan: plan.training.optimizer in ("galore_adamw", "apollo_adamw"),
    "training.min_learning_rate_ratio": lambda plan: plan.training.scheduler in SCHEDULERS_WITH_MINIMUM,
    "training.decay.": lambda plan: plan.training.scheduler == "warmup_stable_decay",
    "training.keep_checkpoints": lambda plan: plan.training.save_every != "never",
    "training.save_optimizer": lambda plan: plan.training.save_every != "never",
    "training.offload_activations": lambda plan: plan.training.offload_activations,
    "training.reentrant_checkpointing": lambda plan: plan.training.reentrant_checkpointing,
    "hardware.tensor_parallel": lambda plan: plan.hardware.tensor_parallel > 1,
    "hardware.context_parallel": lambda plan: plan.hardware.context_parallel > 1,
    "hardware.pipeline_parallel": lambda plan: plan.hardware.pipeline_parallel > 1,
    "hardware.expert_parallel": lambda plan: plan.hardware.expert_parallel > 1,
    "hardware.offload": lambda plan: plan.hardware.world > 1 or plan.hardware.offload != "none",
    "output.hub_private": lambda plan: plan.output.hub is not None,
    "tracking.project": lambda plan: plan.tracking.to != "none",
    "tracking.run_name": lambda plan: plan.tracking.to != "none",
}
"""When a field, or every field that begins so, applies."""


def list_applicable_values(plan: Plan) -> list[PlanValue]:
    """The values that apply to a recipe, in the plan's order: no internal facts, and nothing that is unset or unused.

    A value that the recipe sets is always among them.
    """
    return [row for row in list_plan_values(plan) if _is_set(row) or _is_applicable(plan, row)]


def _is_set(row: PlanValue) -> bool:
    return row.reason.startswith("set ") and row.value not in (None, [])


def _is_applicable(plan: Plan, row: PlanValue) -> bool:
    section, _, name = row.field.partition(".")
    if row.field in _INTERNAL_FIELDS or row.value in (None, []):
        return False
    if section == "objective" and plan.objective.type not in OBJECTIVES_BY_FIELD.get(name, {plan.objective.type}):
        return False
    return all(applies(plan) for field, applies in _CONDITIONS.items() if row.field.startswith(field))
