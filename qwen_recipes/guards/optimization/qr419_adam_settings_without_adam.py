"""Adam settings for another optimizer.

What:
`training.betas` or `training.epsilon` with `optimizer: sgd` or `adafactor`, `epsilon` with `lion_8bit` or
`lion_32bit`, or either with `muon` on an adapter.

Why it matters:
The frameworks accept these settings and do not pass them on: a sweep over betas would compare identical runs.

Evidence:
The source of transformers 5.20, which builds these optimizers for the frameworks: SGD receives only the learning rate,
Adafactor only two switches, and Lion only betas. Adam's epsilon reaches none of them.
Tested in each framework that has them: 32-bit Lion always has an epsilon of 0, and Muon uses Adam's settings for the
weights that it leaves to AdamW (embeddings and norms), of which an adapter has none.

Instead:
Remove the field, or use an optimizer of the AdamW family.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

IGNORED_SETTINGS = {
    "sgd": ("betas", "epsilon"),
    "adafactor": ("betas", "epsilon"),
    "lion_8bit": ("epsilon",),
    "lion_32bit": ("epsilon",),
}


def check(context: GuardContext) -> Iterator[Violation]:
    """Fields that were written and reach no optimizer."""
    optimizer = context.plan.training.optimizer
    method = context.plan.method
    muon_alone = optimizer == "muon" and method.adapter and not method.modules_to_save
    ignored = ("betas", "epsilon") if muon_alone else IGNORED_SETTINGS.get(optimizer, ())
    for field in ignored:
        if context.is_set(f"training.{field}"):
            yield Violation(("training", field), f"{optimizer} has no {field}", f"remove `{field}`")


GUARD = Guard("QR419", "adam-numbers-without-adam", "error", "high", __doc__, check)
