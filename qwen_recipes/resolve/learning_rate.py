"""The default learning rate, by objective and by what is trained."""

from __future__ import annotations

from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.decisions import PlanDecisions

DEFAULT_LEARNING_RATE = 1e-5
"""SFT of all weights."""

DEFAULT_ADAPTER_LEARNING_RATE = 1e-4
"""SFT of an adapter."""

LEARNING_RATE_FACTORS = {
    "pretrain": 2.0,
    "sft": 1.0,
    "reward": 0.5,
    "orpo": 0.2,
    "dpo": 0.1,
    "kto": 0.1,
    "simpo": 0.1,
    "grpo": 0.1,
}
"""Learning rate of an objective as a multiple of SFT's: preferences move a model that can do the task already."""


def resolve_learning_rate(t: Training, objective: str, adapter: bool, decisions: PlanDecisions) -> float:
    """The highest learning rate: the recipe's, else SFT's default times the objective's factor, to three digits."""
    factor = LEARNING_RATE_FACTORS.get(objective, 1.0)
    default = (DEFAULT_ADAPTER_LEARNING_RATE if adapter else DEFAULT_LEARNING_RATE) * factor
    within = "5e-5 to 2e-4 for adapters" if adapter else "5e-6 to 2e-5 for all weights"
    why = f"within {within}" if objective == "sft" else f"{factor:g} times SFT's"
    return decisions.choose_value("training.learning_rate", t.learning_rate, float(f"{default:.3g}"), f"{why} (QR403)")
