"""What is optimised: the numbers of each objective."""

from __future__ import annotations

from qwen_recipes.backends.plan import HardwarePlan, ObjectivePlan, RewardPlan
from qwen_recipes.recipe.parts import Recipe
from qwen_recipes.recipe.parts.objective import Objective, Reward
from qwen_recipes.resolve.batch import Batch
from qwen_recipes.resolve.notes import Notes

BETAS = {"simpo": 2.0, "grpo": 0.04}
"""Beta where it is not the preference losses' usual 0.1: SimPO's paper uses 2 to 2.5, GRPO's 0.04."""


def resolve_objective(recipe: Recipe, notes: Notes) -> ObjectivePlan:
    """The objective in full."""
    o = recipe.objective or Objective()
    kind = o.type or "sft"

    return ObjectivePlan(
        type=notes.pick("objective.type", o.type, "sft", "learn from conversations"),
        loss=notes.pick("objective.loss", o.loss, "sigmoid", "DPO as published"),
        beta=notes.pick(
            "objective.beta", o.beta, BETAS.get(kind, 0.1), "within 0.05 to 0.20 (QR405), SimPO at 2, GRPO at 0.04"
        ),
        gamma=notes.pick("objective.gamma", o.gamma, 1.0, "half of SimPO's beta"),
        label_smoothing=notes.pick("objective.label_smoothing", o.label_smoothing, _smoothing(o), "labels are trusted"),
        sft_weight=notes.pick("objective.sft_weight", o.sft_weight, 0.0, "the preference alone"),
        desirable_weight=notes.pick("objective.desirable_weight", o.desirable_weight, 1.0, "good and bad weigh alike"),
        undesirable_weight=notes.pick("objective.undesirable_weight", o.undesirable_weight, 1.0, "as good ones"),
        kl_weight=notes.pick("objective.kl_weight", o.kl_weight, None, "no anchor"),
        rewards=_rewards(o.rewards or [], notes),
        generations=notes.pick("objective.generations", o.generations, 8, "enough to tell good answers from others"),
        max_completion_length=notes.pick(
            "objective.max_completion_length", o.max_completion_length, 512, "sampling is what takes the time"
        ),
        temperature=notes.pick("objective.temperature", o.temperature, 1.0, "answers as the policy gives them"),
        epsilon=notes.pick("objective.epsilon", o.epsilon, 0.2, "PPO's clip range, which GRPO took over"),
    )


def _rewards(rewards: list[Reward], notes: Notes) -> tuple[RewardPlan, ...]:
    fields = ("objective.rewards", *(f"objective.rewards[].{name}" for name in Reward.kinds))
    notes.derive("objective.rewards", None, "set in the recipe", *(fields if rewards else ()))
    return tuple(RewardPlan(r.path, r.function, 1.0 if r.weight is None else r.weight) for r in rewards)


def check_groups(
    objective: ObjectivePlan, batch: Batch, hardware: HardwarePlan, *, validates: bool, notes: Notes
) -> None:
    """A step, and a pass of evaluation, holds whole groups of answers to one prompt."""
    group = objective.generations
    if objective.type != "grpo":
        return
    if batch.size % group:
        below = f"batch_size: {max(batch.size // group, 1) * group}"
        notes.refuse(("training", "batch_size"), f"{batch.size} answers don't make groups of {group}", below)
    elif validates and (at_once := batch.micro * hardware.replicas) % group:
        message = f"evaluation takes {at_once} answers at once, which don't make groups of {group}"
        notes.refuse(("training", "micro_batch_size"), message, f"a multiple of {group} over all GPUs")


SMOOTHING = {"robust": 0.1, "exo_pair": 1e-3}
"""Label smoothing where it can't be 0: what the losses' own papers use."""


def _smoothing(objective: Objective) -> float:
    """Robust DPO is plain DPO at 0, and EXO takes its logarithm."""
    return SMOOTHING.get(objective.loss or "", 0.0)
