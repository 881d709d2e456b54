"""Axolotl at `recipes verify`."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import KnownDifference, SetAside, Verification

TRAINERS = {
    "pretrain": "AxolotlTrainer",
    "sft": "AxolotlTrainer",
    "dpo": "AxolotlDPOTrainer",
    "orpo": "AxolotlORPOTrainer",
    "simpo": "AxolotlCPOTrainer",
    "kto": "AxolotlKTOTrainer",
    "reward": "AxolotlRewardTrainer",
    "grpo": "AxolotlGRPOTrainer",
}


def name_trainer_class(plan: Plan) -> str | None:
    """Its own subclasses of TRL's trainers."""
    return TRAINERS.get(plan.objective.type)


VERIFICATION = Verification(
    name_trainer_class=name_trainer_class,
    set_aside_on_cpu=(
        SetAside(
            "training",
            "precision",
            lambda value: value == "bf16",
            "fp32",
            "it needs a GPU here: the probe computes in float32",
        ),
    ),
    custom_template_difference=KnownDifference(
        "axolotl",
        "sft",
        (),
        "text",
        "QR317",
        "with a custom template, the framework renders the rows itself and finds the answers by its own rule",
    ),
    rounds_warmup_down=True,  # docs/research/token-parity.md
)
