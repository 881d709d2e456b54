"""What is optimised: the numbers of each objective."""

from __future__ import annotations

from typing import Any

from qwen_recipes.backends.plan import HardwarePlan, ObjectivePlan, RewardPlan
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.objective import Objective, Reward
from qwen_recipes.resolve.batch import BatchSizes
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.origins import SET_IN_RECIPE

DEFAULT_BETAS = {"simpo": 2.0, "grpo": 0.04}
"""Beta where it is not the preference losses' usual 0.1: SimPO's paper uses 2 to 2.5, GRPO's 0.04."""


def resolve_objective(recipe: Recipe, decisions: PlanDecisions) -> ObjectivePlan:
    """The objective in full."""
    o = recipe.objective or Objective.make_empty()
    kind = o.type or "sft"

    return ObjectivePlan(
        type=decisions.choose_value("objective.type", o.type, "sft", "train on conversations"),
        loss=decisions.choose_value("objective.loss", o.loss, "sigmoid", "original DPO loss"),
        beta=decisions.choose_value(
            "objective.beta",
            o.beta,
            DEFAULT_BETAS.get(kind, 0.1),
            "usual value for this objective (QR405)",
        ),
        gamma=decisions.choose_value("objective.gamma", o.gamma, 1.0, "half of beta"),
        label_smoothing=decisions.choose_value(
            "objective.label_smoothing", o.label_smoothing, _choose_label_smoothing(o), "labels are assumed correct"
        ),
        sft_weight=decisions.choose_value("objective.sft_weight", o.sft_weight, 0.0, "preference loss only"),
        desirable_weight=decisions.choose_value("objective.desirable_weight", o.desirable_weight, 1.0, "equal weights"),
        undesirable_weight=decisions.choose_value(
            "objective.undesirable_weight", o.undesirable_weight, 1.0, "equal weights"
        ),
        kl_weight=decisions.choose_value("objective.kl_weight", o.kl_weight, None, "no KL penalty"),
        reference=decisions.choose_value(
            "objective.reference", o.reference, "start", "the model before training, with its adapter"
        ),
        rewards=_resolve_rewards(o.rewards or [], decisions),
        generations=decisions.choose_value("objective.generations", o.generations, 8, "common value"),
        max_completion_length=decisions.choose_value(
            "objective.max_completion_length", o.max_completion_length, 512, "longer answers take more time"
        ),
        temperature=decisions.choose_value(
            "objective.temperature", o.temperature, 1.0, "unmodified distribution of the policy"
        ),
        **_resolve_sampling(o, decisions),
        epsilon=decisions.choose_value("objective.epsilon", o.epsilon, 0.2, "PPO's clipping range"),
    )


def _resolve_sampling(o: Objective, decisions: PlanDecisions) -> dict[str, Any]:
    """How answers are sampled, and by what."""
    pick = decisions.choose_value
    host, _, port = (o.vllm_server or "localhost:8000").partition(":")
    for name in ("vllm_host", "vllm_port"):
        pick(
            f"objective.{name}", o.vllm_server, "", "vLLM's default port on this machine", field="objective.vllm_server"
        )
    return {
        "top_p": pick("objective.top_p", o.top_p, 1.0, "unmodified distribution of the policy"),
        "top_k": pick("objective.top_k", o.top_k, 0, "unmodified distribution of the policy"),
        "vllm": pick("objective.vllm", o.vllm, "none", "sample with the trainer; slower, but needs no other package"),
        "vllm_memory": pick("objective.vllm_memory", o.vllm_memory, 0.3, "leaves the rest for training"),
        "vllm_host": host,
        "vllm_port": int(port),
    }


def _resolve_rewards(rewards: list[Reward], decisions: PlanDecisions) -> tuple[RewardPlan, ...]:
    fields = ("objective.rewards", *(f"objective.rewards[].{name}" for name in Reward.model_fields))
    decisions.derive_value("objective.rewards", None, SET_IN_RECIPE, *(fields if rewards else ()))
    return tuple(RewardPlan(r.path, r.function, 1.0 if r.weight is None else r.weight) for r in rewards)


def check_generation_groups(
    objective: ObjectivePlan, batch: BatchSizes, hardware: HardwarePlan, *, validates: bool, decisions: PlanDecisions
) -> None:
    """A step, and a pass of evaluation, holds whole groups of answers to one prompt."""
    group = objective.generations
    if objective.type != "grpo":
        return
    if batch.size % group:
        below = f"batch_size: {max(batch.size // group, 1) * group}"
        decisions.report_problem(
            ("training", "batch_size"),
            f"batch_size {batch.size} is not a multiple of the {group} answers per prompt",
            below,
        )
    elif validates and (at_once := batch.micro_batch_size * hardware.replicas) % group:
        message = f"evaluation takes {at_once} answers at once, not a multiple of the {group} answers per prompt"
        decisions.report_problem(("training", "micro_batch_size"), message, f"a multiple of {group} over all GPUs")


DEFAULT_LABEL_SMOOTHING = {"robust": 0.1, "exo_pair": 1e-3}
"""Label smoothing where it can't be 0: what the losses' own papers use."""


def _choose_label_smoothing(objective: Objective) -> float:
    """Robust DPO is plain DPO at 0, and EXO takes its logarithm."""
    return DEFAULT_LABEL_SMOOTHING.get(objective.loss or "", 0.0)
