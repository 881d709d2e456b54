"""DoRA is slower than LoRA.

What:
The adapter is a DoRA (`dora`, `qdora`, or `variant: dora`).

Why it matters:
DoRA computes the norm of every adapted weight in every step: a run takes a third to two thirds longer than plain
LoRA. Its advantage is quality at low ranks: half the rank of a plain adapter is usually enough, and at that rank DoRA
may be worth the time.

Evidence:
Measured on one H100, Qwen3-4B's shape, rank 16, 2,048 tokens (PEFT 0.21.0): 2,685 tokens/s against 3,749 for LoRA,
with the same memory. modelscope/ms-swift#3033: 1.7 times as long; huggingface/peft#1474: 1.2 to 2 times. PEFT's own
figures on Llama-3.1-8B: +139% time, or +17% time and +41% memory with `DoraCaching`, which only works in evaluation
(huggingface/peft#2651, #1692). A QDoRA step takes about 15% longer than a QLoRA step. Quality at low rank: Liu et al.
2024, DoRA (arXiv:2402.09353).

Instead:
Compare with `variant: plain` on your data first. Keep `dropout: 0`, which lets PEFT reuse the base's result. If you
have decided on DoRA, add QR209 to `allow` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """An adapter that is a DoRA."""
    plan = context.plan
    if not (plan.method.adapter and plan.method.variant == "dora"):
        return
    less = f", or rank {plan.method.rank // 2}" if plan.method.rank > 8 else ""
    yield Violation(
        context.locate_field("method.variant", "method.type"),
        "DoRA takes a third to two thirds longer than LoRA at the same rank",
        f"variant: plain{less}",
    )


GUARD = Guard("QR209", "dora-costs", "advice", "high", __doc__, check)
