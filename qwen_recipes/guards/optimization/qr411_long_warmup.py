"""Warmup for most of the run.

What:
`training.warmup_ratio` or `training.warmup_steps` is more than half of the run.

Why it matters:
The learning rate rises until the warmup ends. If the warmup takes too long, most examples are trained at too low a
rate, and little time is left for the decay.

Evidence:
A warmup that is longer than the run is an error. A common cause: packing reduces the number of steps, but not a warmup
that is counted in steps (axolotl-ai-cloud/axolotl#1212, #1644; modelscope/ms-swift: "packing shrinks step count").
`recipes plan` shows how many steps per epoch has.

Instead:
Write a share of the run, `warmup_ratio: 0.05`, which fits any length.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

MAX_WARMUP_SHARE = 0.5


def check(context: GuardContext) -> Iterator[Violation]:
    """Warmup as a share of the run, where its length is known."""
    training = context.loaded.recipe.training
    if training is None or context.plan.training.scheduler == "constant":
        return
    in_steps = training.warmup_steps is not None
    share = (training.warmup_steps or 0) / (training.steps or float("inf")) if in_steps else training.warmup_ratio or 0
    if share > MAX_WARMUP_SHARE:
        edits = (("training.warmup_ratio", 0.05), ("training.warmup_steps", None))
        yield Violation(
            ("training", "warmup_steps" if in_steps else "warmup_ratio"),
            f"the warmup takes {share:.0%} of the run",
            "warmup_ratio: 0.05",
            Fix(edits if in_steps else edits[:1], safe=False),
        )


GUARD = Guard("QR411", "long-warmup", "warning", "high", __doc__, check)
