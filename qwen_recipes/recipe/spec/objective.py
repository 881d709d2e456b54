"""What is optimised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from qwen_recipes.recipe.spec.base import Part, says, short_form
from qwen_recipes.recipe.spec.source import AsShort

ObjectiveName = Literal["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "ppo"]
DpoLoss = Literal[
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


class Objective(Part):
    """What is learnt from: conversations, plain text, pairs, labels or rewards."""

    type: ObjectiveName | None = says(
        "`pretrain`: next token of plain text; `sft`: of the turns that `chat.train_on` names; `dpo`, `orpo`, `simpo`: "
        "pairs of a better and a worse answer; `kto`: answers labelled good or bad; `reward`: a model that scores.",
        "sft",
    )
    loss: DpoLoss | None = says("Loss of DPO.", "sigmoid")
    beta: float | None = says(
        "How closely the policy is held to its reference (dpo, kto), or the weight of the preference (orpo, simpo).",
        0.1,
        ge=0.0,
        le=100.0,
    )
    gamma: float | None = says("Target margin of SimPO.", 1.0, ge=0.0, le=100.0)
    label_smoothing: float | None = says("Share of pairs taken to be labelled wrongly (dpo).", 0.1, ge=0.0, lt=0.5)
    sft_weight: float | None = says(
        "Weight of the next-token loss on the chosen answer, added to the preference (dpo, simpo).",
        0.1,
        gt=0.0,
        le=100.0,
    )
    desirable_weight: float | None = says("Weight of answers labelled good (kto).", 1.0, gt=0.0, le=100.0)
    undesirable_weight: float | None = says("Weight of answers labelled bad (kto).", 1.0, gt=0.0, le=100.0)
    kl_weight: float | None = says(
        "Weight of the divergence from the model as it was, added to the next-token loss (sft).",
        0.05,
        gt=0.0,
        le=10.0,
    )


ObjectiveField = Annotated[
    Objective,
    BeforeValidator(short_form("type")),
    AsShort(
        {
            "enum": ["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward"],
            "description": "Short form of the objective.",
        }
    ),
]
