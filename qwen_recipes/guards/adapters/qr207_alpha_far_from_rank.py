"""Alpha far from the rank.

What:
`method.alpha` is outside 1 to 4 times the rank; under rsLoRA, outside √rank to 2 times the rank.

Why it matters:
The update is scaled by alpha/rank (alpha/√rank under rsLoRA), so alpha acts like a second learning rate. If it is far
too low, the adapter hardly learns at the usual learning rates; if it is far too high, training is unstable.

Evidence:
Hu et al. 2021, LoRA (arXiv:2106.09685), section 4.1: tuning alpha is roughly the same as tuning the learning rate, so
it is set once. Usual scales are 1 (alpha = rank) to 2 (alpha = 2 x rank), up to 4. rsLoRA (arXiv:2312.03732) was
measured at a fixed low alpha, so at alpha = √rank its scale is 1, which works too and is the lower bound here; the
often recommended half of the rank is higher.
To reproduce: `research/evidence/lora_scaling.py`.

Instead:
Leave `alpha` out, or set it to twice the rank (under rsLoRA, to the rank). Then tune the learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A scale that the usual learning rates do not fit."""
    method = context.plan.method
    if not method.adapter:
        return
    low, high = (
        (min(sqrt(method.rank), method.rank / 2), 2 * method.rank) if method.rslora else (method.rank, 4 * method.rank)
    )
    if not low <= method.alpha <= high:
        usual = method.rank if method.rslora else 2 * method.rank
        scale = method.alpha / (sqrt(method.rank) if method.rslora else method.rank)
        yield Violation(
            ("method", "alpha"),
            f"alpha {method.alpha} at rank {method.rank} scales the update by {scale:.3g}",
            f"alpha: {usual}",
            Fix((("method.alpha", usual),), safe=False),
        )


GUARD = Guard("QR207", "alpha-far-from-rank", "warning", "medium", __doc__, check)
