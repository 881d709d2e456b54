"""High rank without rsLoRA.

What:
The adapter has rank 64 or more, and rsLoRA is off.

Why it matters:
LoRA divides its update by the rank. The higher the rank, the smaller the step in each direction, so the extra rank
adds almost nothing. Rank-stabilized LoRA (rsLoRA) divides by the square root of the rank.

Evidence:
Kalajdzievski 2023, A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA (arXiv:2312.03732): the gradient norm
collapses as the rank grows under alpha/rank, and stays constant under alpha/√rank.
To reproduce: `research/evidence/lora_scaling.py`.

Instead:
Write `rslora: true`, and leave `alpha` out or near the rank: the same alpha is √rank times as strong.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

HIGH_RANK = 64


def check(context: GuardContext) -> Iterator[Violation]:
    """A high rank without the stabilized scaling."""
    method = context.plan.method
    if method.adapter and method.rank >= HIGH_RANK and not method.rslora:
        yield Violation(
            ("method", "rslora" if context.is_set("method.rslora") else "rank"),
            f"at rank {method.rank}, scaling by alpha/rank makes the update too small",
            "rslora: true, with alpha near the rank",
            Fix((("method.rslora", True),), safe=False),
        )


GUARD = Guard("QR203", "high-rank-without-rslora", "advice", "high", __doc__, check)
