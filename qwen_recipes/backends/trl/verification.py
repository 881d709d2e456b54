"""TRL at `recipes verify`."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import Verification

TRAINERS = {
    "pretrain": "SFTTrainer",
    "sft": "SFTTrainer",
    "dpo": "DPOTrainer",
    "kto": "KTOTrainer",
    "reward": "RewardTrainer",
    "grpo": "GRPOTrainer",
}


def name_trainer_class(plan: Plan) -> str | None:
    """TRL's own trainers; `trainer_plugin.py` may derive them."""
    return TRAINERS.get(plan.objective.type)


VERIFICATION = Verification(name_trainer_class=name_trainer_class)
