"""What is optimised.

Written by scripts/docs.py from spec/objective.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Kind, ListOf, Number, OneOf, PartOf, Text, Whole
from qwen_recipes.recipe.part import Part

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class Reward(Part):
    """A Python function that scores answers: `function(completions, prompts, **columns)`, a number for each."""

    path: str
    function: str
    weight: float | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "path": Text(pattern=".+[.]py"),
        "function": Text(pattern="[A-Za-z_][A-Za-z0-9_]*"),
        "weight": Number(ge=-1000.0, le=1000.0),
    }
    required = ("path", "function")


class Objective(Part):
    """What is learnt from: conversations, plain text, pairs, labels or rewards."""

    type: Literal["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "grpo", "ppo"] | None = None
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
    rewards: list[Reward] | None = None
    generations: int | None = None
    max_completion_length: int | None = None
    temperature: float | None = None
    epsilon: float | None = None

    kinds: ClassVar[dict[str, Kind]] = {
        "type": OneOf("pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "grpo", "ppo"),
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
        "rewards": ListOf(PartOf(Reward), min_length=1),
        "generations": Whole(ge=2),
        "max_completion_length": Whole(ge=1),
        "temperature": Number(gt=0.0, le=10.0),
        "epsilon": Number(gt=0.0, lt=1.0),
    }
