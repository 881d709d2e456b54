"""What is optimised.

Written by scripts/docs.py from spec/objective.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Kind, Number, OneOf
from qwen_recipes.recipe.part import Part

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class Objective(Part):
    """What is learnt from: conversations, plain text, pairs, labels or rewards."""

    type: Literal["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "ppo"] | None = None
    loss: (
        Literal[
            "sigmoid",
            "hinge",
            "ipo",
            "robust",
            "exo_pair",
            "nca_pair",
            "bco_pair",
            "sppo_hard",
            "aot",
            "apo_zero",
            "apo_down",
        ]
        | None
    ) = None
    beta: float | None = None
    gamma: float | None = None
    label_smoothing: float | None = None
    sft_weight: float | None = None
    desirable_weight: float | None = None
    undesirable_weight: float | None = None
    kl_weight: float | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "type": OneOf("pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "ppo"),
        "loss": OneOf(
            "sigmoid",
            "hinge",
            "ipo",
            "robust",
            "exo_pair",
            "nca_pair",
            "bco_pair",
            "sppo_hard",
            "aot",
            "apo_zero",
            "apo_down",
        ),
        "beta": Number(ge=0.0, le=100.0),
        "gamma": Number(ge=0.0, le=100.0),
        "label_smoothing": Number(ge=0.0, lt=0.5),
        "sft_weight": Number(gt=0.0, le=100.0),
        "desirable_weight": Number(gt=0.0, le=100.0),
        "undesirable_weight": Number(gt=0.0, le=100.0),
        "kl_weight": Number(gt=0.0, le=10.0),
    }
