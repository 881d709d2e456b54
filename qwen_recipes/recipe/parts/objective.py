"""What is optimised.

Written by tools/generate_docs.py from spec/objective.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import Float, Integer, ListOf, OneOf, PartOf, String
from qwen_recipes.recipe.part import RecipePart

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class Reward(RecipePart):
    """A Python function that scores answers: `function(completions, prompts, **columns)`, a number for each."""

    path: str
    function: str
    weight: float | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "path": String(pattern=".+[.]py"),
        "function": String(pattern="[A-Za-z_][A-Za-z0-9_]*"),
        "weight": Float(ge=-1000.0, le=1000.0),
    }
    required = ("path", "function")


class Objective(RecipePart):
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
    reference: Literal["start", "base"] | None = None
    rewards: list[Reward] | None = None
    generations: int | None = None
    max_completion_length: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    vllm: Literal["none", "colocate", "server"] | None = None
    vllm_memory: float | None = None
    vllm_server: str | None = None
    epsilon: float | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
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
        "beta": Float(ge=0.0, le=100.0),
        "gamma": Float(ge=0.0, le=100.0),
        "label_smoothing": Float(ge=0.0, lt=0.5),
        "sft_weight": Float(gt=0.0, le=100.0),
        "desirable_weight": Float(gt=0.0, le=100.0),
        "undesirable_weight": Float(gt=0.0, le=100.0),
        "kl_weight": Float(gt=0.0, le=10.0),
        "reference": OneOf("start", "base"),
        "rewards": ListOf(PartOf(Reward), min_length=1),
        "generations": Integer(ge=2),
        "max_completion_length": Integer(ge=1),
        "temperature": Float(gt=0.0, le=10.0),
        "top_p": Float(gt=0.0, le=1.0),
        "top_k": Integer(ge=0, le=1000000),
        "vllm": OneOf("none", "colocate", "server"),
        "vllm_memory": Float(gt=0.0, lt=1.0),
        "vllm_server": String(pattern="[A-Za-z0-9._-]+:[0-9]+"),
        "epsilon": Float(gt=0.0, lt=1.0),
    }
