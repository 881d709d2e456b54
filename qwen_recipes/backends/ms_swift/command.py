"""Which of ms-swift's commands trains a plan."""

from __future__ import annotations

from qwen_recipes.backends.ms_swift.megatron import NATIVE_VALUES as MEGATRON
from qwen_recipes.backends.plan import Plan

COMMANDS = {"pretrain": "pt", "sft": "sft"}
"""By objective; everything else is `rlhf`."""


def choose_swift_command(plan: Plan) -> str:
    """The command that reads the compiled config: `sft`, `pt`, `rlhf`, or one of these after `megatron`."""
    kind = plan.objective.type
    if plan.hardware.megatron:
        return f"megatron {MEGATRON['megatron_command'].get(kind, 'rlhf')}"
    return "rlhf" if plan.objective.kl_weight is not None else COMMANDS.get(kind, "rlhf")
