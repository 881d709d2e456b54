"""Values that several frameworks' configs hold of a plan in the same words."""

from __future__ import annotations

from typing import Any

from qwen_recipes.backends.plan import Plan

Native = dict[str, Any]
ANY = object()
"""Left to the framework."""


def expect_stable_decay(plan: Plan) -> Native:
    """The options of transformers' `warmup_stable_decay`."""
    t = plan.training
    found: Native = {"min_lr_ratio": t.min_learning_rate_ratio}
    if t.decay.steps is not None and t.steps is not None and t.warmup.steps is not None:
        found |= {"num_decay_steps": t.decay.steps, "num_stable_steps": t.steps - t.warmup.steps - t.decay.steps}
    return found


def locate_template(plan: Plan) -> str:
    """The chat template's file as frameworks are told it."""
    return f"{plan.output.dir}/rows/chat_template.jinja" if plan.chat.compiled_in else plan.chat.template
