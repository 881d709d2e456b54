"""What Axolotl 0.21 can't be told."""

from __future__ import annotations

from qwen_recipes.backends.base import Limit
from qwen_recipes.backends.plan import Plan


def _trains_empty_thoughts(plan: Plan) -> bool:
    return plan.chat.thinking == "train-empty"


def _stops_early_by_epoch(plan: Plan) -> bool:
    return plan.training.early_stopping is not None and plan.training.evaluate_every == "epoch"


def _warms_up_one_step(plan: Plan) -> bool:
    return plan.training.warmup.steps == 1


def _staged_dora(plan: Plan) -> bool:
    return plan.hardware.strategy == "fsdp" and plan.quantization.bits == 8


LIMITS = (
    Limit(
        "chat.thinking",
        _trains_empty_thoughts,
        "its chat strategy always leaves an empty think block out of the loss",
    ),
    Limit(
        "training.early_stopping", _stops_early_by_epoch, "it stops early only where evaluations are counted in steps"
    ),
    Limit("training.warmup", _warms_up_one_step, "it turns a warmup of 1 step into 2"),
    Limit("quantization.bits", _staged_dora, "it shards a 4-bit base under FSDP2, not an 8-bit one"),
)
