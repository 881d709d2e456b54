"""Does not fit the GPU.

What:
The memory in use at the estimated peak is more than `hardware.gpu` has: `recipes plan` says `does not fit`.

Why it matters:
The run fails with "CUDA out of memory", at the first step, or hours later at the first long example.

Evidence:
docs/research/memory-estimates.md has the estimate's parts, its error on held-out runs, and every measured run. On one
H100, QLoRA on 4B with 2,048 tokens took 9,964 MiB without a fused loss (2026-11-23), most of it for logits, which
Liger's loss never stores.

Instead:
`recipes plan` shows the parts of the estimate and the changes that would make it fit, the fastest first. The finding
names the fastest.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.estimate import (
    Estimate,
    FitSuggestion,
    estimate_plan,
    list_gpus_that_fit,
    suggest_fitting_changes,
)
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.guards.trial import RecipeTrial
from qwen_recipes.resolve.speed import make_training_rows
from qwen_recipes.sizes import GIB

MAX_SUGGESTIONS = 3


def check(context: GuardContext) -> Iterator[Violation]:
    """More than the named GPU has, as `plan` judges it."""
    plan, gpu = context.plan, context.gpu
    if gpu is None or plan.hardware.device == "cpu":
        return
    rows = make_training_rows(context.loaded, plan)
    made = estimate_plan(plan, context.model, gpu, rows)
    if made.check_fit() != "no":
        return
    trial = RecipeTrial(context.loaded, context.backend)
    found = suggest_fitting_changes(plan, context.model, gpu, context.backend, rows, trial.try_overrides)
    yield Violation(
        context.locate_field("hardware.gpu"),
        f"needs {made.peak / GIB:.0f} GiB per GPU; {gpu.name} has {made.usable / GIB:.0f} GiB available",
        _format_suggestions(found, made),
        Fix(found[0].overrides, safe=False) if found and not found[0].last_resort else None,
    )


def _format_suggestions(suggestions: list[FitSuggestion], estimate: Estimate) -> str:
    if not suggestions:
        smallest = [f" such as {gpu.name}" for gpu in list_gpus_that_fit(estimate)[:1]]
        return "".join(["a smaller model, or a larger GPU", *smallest])
    return "; or ".join(
        f"{offer.text} ({offer.estimate.peak / GIB:.0f} GiB)" for offer in suggestions[:MAX_SUGGESTIONS]
    )


GUARD = Guard("QR601", "does-not-fit", "warning", "medium", __doc__, check)
