"""Which plugins a plan needs under ms-swift."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.versions import parse_version


def choose_plugins(plan: Plan) -> tuple[str, ...]:
    """Files beside train.yaml for `external_plugins`."""
    wanted = (
        ("reward_functions.py", plan.objective.type == "grpo"),
        ("rows/ms_swift_template.py", plan.chat.exact or tokenizes_preferences(plan)),
        ("trainer_plugin.py", not plan.hardware.megatron and (loses_dropout(plan) or counts_saves(plan))),
    )
    return tuple(name for name, needed in wanted if needed)


def loses_dropout(plan: Plan) -> bool:
    """Whether it would turn off dropout that the recipe asks for, or leave it on in a reference's adapter."""
    preferences = not plan.objective.next_token or plan.objective.kl_weight is not None
    return preferences and plan.method.adapter and plan.method.dropout > 0


def counts_saves(plan: Plan) -> bool:
    """Whether early stopping would count saves, and they are not the evaluations."""
    training = plan.training
    return training.early_stopping is not None and training.save_every != training.evaluate_every


def tokenizes_preferences(plan: Plan) -> bool:
    """Whether preference rows are made into ids beforehand."""
    kto = plan.objective.type == "kto"
    tokenized = (plan.objective.pairs or kto) and not plan.hardware.megatron
    return tokenized and parse_version(plan.backend_version) >= parse_version("4.0")
