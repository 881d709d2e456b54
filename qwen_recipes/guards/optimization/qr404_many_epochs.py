"""Many epochs.

What:
`training.epochs` is more than 3 (more than 4 for `objective: pretrain`), without early stopping.

Why it matters:
From the second or third epoch on, the model memorizes its examples: the training loss keeps falling while answers to
anything else get worse, and each epoch costs as much as the first.

Evidence:
InstructGPT overfit on its validation loss after one epoch of SFT (arXiv:2203.02155, section 3.5). Up to 4 passes
over plain text are nearly as good as new text; after that the gain decays (arXiv:2305.16264). There are exceptions, so
this is only advice: LIMA trained for 15 epochs on 1,000 selected rows (arXiv:2305.11206).

Instead:
Write `epochs: 3` or less, or hold out validation examples and let `early_stopping: 3` end the run.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

MAX_EPOCHS = {"pretrain": 4}


def check(context: GuardContext) -> Iterator[Violation]:
    """More passes than most data bears, to their end."""
    t = context.plan.training
    most = MAX_EPOCHS.get(context.plan.objective.type, 3)
    if t.epochs is None or t.epochs <= most or t.early_stopping or context.plan.hardware.device == "cpu":
        return
    yield Violation(
        ("training", "epochs"),
        f"{t.epochs:g} epochs overfit most data",
        f"epochs: {most}, or `early_stopping: 3` with validation data",
        Fix((("training.epochs", most),), safe=False),
    )


GUARD = Guard("QR404", "many-epochs", "advice", "medium", __doc__, check)
