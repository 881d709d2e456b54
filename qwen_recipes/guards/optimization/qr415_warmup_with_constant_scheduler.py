"""Warmup ignored, or applied twice.

What:
`training.scheduler: constant` together with `training.warmup_ratio` or `training.warmup_steps`; or
`optimizer: schedule_free_adamw` with a warmup and another `scheduler` than `constant`.

Why it matters:
The run has another warmup than the recipe says. Under `constant` the frameworks accept one and silently ignore it: the
first steps, with empty optimizer moments, are the largest of the run. `schedule_free_adamw` is told the number of
warmup steps and warms up itself: under any other schedule it does so twice, and of 4 steps the first has none of the
learning rate, the second an eighth.

Evidence:
The source of transformers 5.20: `get_scheduler` builds `constant` from the optimizer only and drops the warmup. All
three frameworks get their schedule from it.
Tested with schedulefree 1.4.1 and a warmup of 4 steps, the shares of the learning rate: 0, 0.125, 0.375, 0.75, 1 under
`constant_with_warmup` and `cosine`; 0.25, 0.5, 0.75, 1 under `constant`.

Instead:
Write `scheduler: constant_with_warmup`; with `optimizer: schedule_free_adamw` leave `scheduler` out, or write
`constant`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A warmup that was asked for and would not happen, or happens twice."""
    training, plan = context.loaded.recipe.training, context.plan.training
    if plan.optimizer == "schedule_free_adamw":
        if plan.scheduler != "constant" and (plan.warmup.steps or plan.warmup.ratio):
            yield Violation(
                ("training", "scheduler"),
                f"`schedule_free_adamw` warms up itself: with `scheduler: {plan.scheduler}` it does so twice",
                "scheduler: constant",
                Fix((("training.scheduler", "constant"),), safe=False),
            )
    elif training is not None and training.scheduler == "constant" and (training.warmup_ratio or training.warmup_steps):
        yield Violation(
            ("training", "scheduler"),
            "`scheduler: constant` ignores the warmup",
            "scheduler: constant_with_warmup",
            Fix((("training.scheduler", "constant_with_warmup"),), safe=True),
        )


GUARD = Guard("QR415", "constant-without-warmup", "error", "high", __doc__, check)
