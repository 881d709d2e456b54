"""What is optimised: the numbers of each objective."""

from __future__ import annotations

from qwen_recipes.backends.plan import ObjectivePlan
from qwen_recipes.recipe.parts import Recipe
from qwen_recipes.recipe.parts.objective import Objective
from qwen_recipes.resolve.notes import Notes

BETAS = {"simpo": 2.0}
"""Beta where it is not the preference losses' usual 0.1: SimPO's paper uses 2 to 2.5."""


def resolve_objective(recipe: Recipe, notes: Notes) -> ObjectivePlan:
    """The objective in full."""
    o = recipe.objective or Objective()
    kind = o.type or "sft"

    return ObjectivePlan(
        type=notes.pick("objective.type", o.type, "sft", "learn from conversations"),
        loss=notes.pick("objective.loss", o.loss, "sigmoid", "DPO as published"),
        beta=notes.pick("objective.beta", o.beta, BETAS.get(kind, 0.1), "within 0.05 to 0.20 (QR405), SimPO at 2"),
        gamma=notes.pick("objective.gamma", o.gamma, 1.0, "half of SimPO's beta"),
        label_smoothing=notes.pick("objective.label_smoothing", o.label_smoothing, _smoothing(o), "labels are trusted"),
        sft_weight=notes.pick("objective.sft_weight", o.sft_weight, 0.0, "the preference alone"),
        desirable_weight=notes.pick("objective.desirable_weight", o.desirable_weight, 1.0, "good and bad weigh alike"),
        undesirable_weight=notes.pick("objective.undesirable_weight", o.undesirable_weight, 1.0, "as good ones"),
        kl_weight=notes.pick("objective.kl_weight", o.kl_weight, None, "no anchor"),
    )


SMOOTHING = {"robust": 0.1, "exo_pair": 1e-3}
"""Label smoothing where it can't be 0: what the losses' own papers use."""


def _smoothing(objective: Objective) -> float:
    """Robust DPO is plain DPO at 0, and EXO takes its logarithm."""
    return SMOOTHING.get(objective.loss or "", 0.0)
