"""TRL's sampler of prompts, in GRPO and in distillation: it drops a batch that is not whole."""

from __future__ import annotations

import math

from qwen_recipes.backends.plan import Plan


def count_sampled_prompts(plan: Plan) -> int:
    """Prompts of an optimizer step in GRPO, below which an epoch has no batch; 0 for other objectives."""
    o = plan.objective
    return math.ceil(plan.training.batch_size / o.generations) if o.type == "grpo" and o.generations else 0


def count_distilled_examples(plan: Plan) -> int:
    """The same, and examples of an optimizer step where ms-swift anchors SFT by distilling the model from itself."""
    return plan.training.batch_size if plan.objective.kl_weight is not None else count_sampled_prompts(plan)
