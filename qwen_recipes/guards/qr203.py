"""High rank without rank-stabilized scaling.

What:
The adapter has rank 64 or more and `rslora: false`.

Why it matters:
LoRA divides its update by the rank. The higher the rank, the smaller the steps that are left for each direction,
and the extra rank learns next to nothing. Rank-stabilized LoRA divides by the root of the rank.

Evidence:
Kalajdzievski 2023, A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA (arXiv:2312.03732): the gradient
norm collapses with rank under alpha/rank and holds under alpha/√rank.
To see it again: `scripts/evidence/scale.py`.

Instead:
Write `rslora: auto`, and leave `alpha` out or near the rank: the same alpha acts √rank times as strong.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit

FROM = 64


def check(facts: Facts) -> Iterator[Hit]:
    """A high rank, and the stabilized scaling refused."""
    method = facts.plan.method
    if method.adapter and method.rank >= FROM and not method.rslora:
        yield Hit(
            ("method", "rslora"),
            f"rank {method.rank} is scaled by alpha/rank: the update shrinks as the rank grows",
            "rslora: auto, with alpha near the rank",
            Fix((("method.rslora", "auto"),), safe=False),
        )


GUARD = Guard("QR203", "high-rank-without-rslora", "advice", "high", __doc__, check)
