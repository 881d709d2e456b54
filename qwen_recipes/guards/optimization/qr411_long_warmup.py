"""Warmup for most of the run.

What:
`training.warmup` is more than half of the run.

Why it matters:
The learning rate climbs until the warmup ends. Where that is late, most rows are trained at a rate that was not
meant, and the decay that settles the model has no time left.

Evidence:
Longer than the run it is refused outright. How it comes about: packing shrinks the number of steps, and a warmup
counted in steps stays (axolotl-ai-cloud/axolotl#1212, #1644; modelscope/ms-swift: "packing shrinks step count"). How
many steps an epoch has stands in the rows: `recipes plan` tells.

Instead:
Write a share of the run, `warmup: 0.05`, which fits any length.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

MAX_WARMUP_SHARE = 0.5


def check(context: GuardContext) -> Iterator[Violation]:
    """Warmup as a share of the run, where its length is known."""
    training = context.loaded.recipe.training
    if training is None or training.warmup is None or context.plan.training.scheduler == "constant":
        return
    share = training.warmup if training.warmup < 1 else training.warmup / (training.steps or float("inf"))
    if share > MAX_WARMUP_SHARE:
        yield Violation(
            ("training", "warmup"),
            f"the learning rate would climb for {share:.0%} of the run",
            "warmup: 0.05",
            Fix((("training.warmup", 0.05),), safe=False),
        )


GUARD = Guard("QR411", "long-warmup", "warning", "high", __doc__, check)
