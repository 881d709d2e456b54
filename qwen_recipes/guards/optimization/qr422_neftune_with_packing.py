"""NEFTune with packing.

What:
`training.neftune` together with `training.packing`.

Why it matters:
NEFTune divides its noise by the square root of the sequence length. A pack is many examples long, so each example
gets less noise than the value was tuned for: a quarter of it with 16 examples in a pack.

Evidence:
The source of transformers 5.20: the hook scales by the length of the whole tensor. The paper's values of 5 to 15 are
for single rows (arXiv:2310.05914).

Instead:
Turn packing off, or tune the value again; it has to be higher.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Noise for rows, spread over packs."""
    if context.plan.training.neftune is not None and context.plan.training.packing:
        yield Violation(
            ("training", "neftune"),
            "the noise is scaled by the length of a pack, not of an example",
            "packing: false, or a higher value",
        )


GUARD = Guard("QR422", "neftune-in-packs", "advice", "high", __doc__, check)
