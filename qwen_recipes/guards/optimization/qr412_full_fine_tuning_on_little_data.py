"""Full fine-tuning on little data.

What:
Full fine-tuning for a number of steps that uses fewer than 50,000 examples.

Why it matters:
On so few examples an adapter learns as well, forgets less of what the model knew, and costs a fraction of the memory.
Full fine-tuning pays off if there is much to learn.

Evidence:
LoRA on all linear layers comes close to full fine-tuning on 100,000 rows of instruction data and forgets less; on 20
billion tokens of plain text it is worse (arXiv:2405.09673). This guard only checks runs that are counted in steps,
since it does not read the data; `recipes data check` counts the rows.

Instead:
Write `method: lora`, with the learning rate of an adapter (QR403). If you have compared both, add QR412 to `allow`
with the result.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

MIN_EXAMPLES = 50_000


def check(context: GuardContext) -> Iterator[Violation]:
    """All weights, and a run whose steps can't see many rows."""
    plan, t = context.plan, context.plan.training
    told = plan.method.type == "full" and plan.objective.next_token and plan.hardware.device == "cuda"
    if told and t.steps and not t.packing and t.steps * t.batch_size < MIN_EXAMPLES:
        yield Violation(
            context.locate_field("method.type"),
            f"full fine-tuning on at most {t.steps * t.batch_size:,} examples",
            "method: lora",
        )


GUARD = Guard("QR412", "full-on-little-data", "advice", "medium", __doc__, check)
