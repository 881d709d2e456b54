"""GaLore and APOLLO as transformers builds them: which of Adam's settings reach none of their weights, or not all."""

from __future__ import annotations

from qwen_recipes.backends.base import UnsupportedSetting
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.objective_formats import LOW_RANK_OPTIMIZERS

BETAS = (0.9, 0.999)
EPSILON = 1e-6
"""The optimizers' own defaults. transformers hands GaLore the learning rate alone, and APOLLO Adam's settings for the
weights that it projects; shown by `research/evidence/low_rank_settings.py`."""


def _is_low_rank(plan: Plan) -> bool:
    return plan.training.optimizer in LOW_RANK_OPTIMIZERS


UNSUPPORTED_SETTINGS = (
    UnsupportedSetting(
        "training.weight_decay",
        lambda p: _is_low_rank(p) and p.training.weight_decay > 0,
        "GaLore and APOLLO are given no weight decay: write `weight_decay: 0`",
    ),
    UnsupportedSetting(
        "training.betas",
        lambda p: _is_low_rank(p) and (p.training.beta1, p.training.beta2) != BETAS,
        "GaLore and APOLLO are not given these betas: leave `betas` out",
    ),
    UnsupportedSetting(
        "training.epsilon",
        lambda p: _is_low_rank(p) and p.training.epsilon != EPSILON,
        "GaLore and APOLLO are not given this epsilon: leave `epsilon` out",
    ),
)
