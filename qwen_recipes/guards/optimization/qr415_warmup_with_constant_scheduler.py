"""Warmup with a constant learning rate.

What:
`training.scheduler: constant` together with `training.warmup_ratio` or `training.warmup_steps`.

Why it matters:
The `constant` schedule starts at the full rate: the frameworks accept a warmup together with it, and silently ignore
the warmup. The first steps, with empty optimizer moments, are then the largest of the run.

Evidence:
The source of transformers 5.20: `get_scheduler` builds `constant` from the optimizer only and drops the warmup. All
three frameworks get their schedule from it.

Instead:
Write `scheduler: constant_with_warmup`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A warmup that was asked for and would not happen."""
    training = context.loaded.recipe.training
    if training is not None and training.scheduler == "constant" and (training.warmup_ratio or training.warmup_steps):
        yield Violation(
            ("training", "scheduler"),
            "`scheduler: constant` ignores the warmup",
            "scheduler: constant_with_warmup",
            Fix((("training.scheduler", "constant_with_warmup"),), safe=True),
        )


GUARD = Guard("QR415", "constant-without-warmup", "error", "high", __doc__, check)
