"""KL weight out of the usual range.

What:
`objective.kl_weight` is below 0.03 or above 0.10.

Why it matters:
The weight balances staying close to the original model against learning the examples. Below the range it
makes no difference and costs a second forward pass; above it the examples are hardly learned.

Evidence:
The range is this project's starting point for SFT of Qwen3, not a measured limit. arXiv:2509.04259 shows that
forgetting goes along with divergence from the original model. Tested with ms-swift 4.6.0: the loss with the KL term
starts at the plain loss and then stays above it. Only ms-swift supports it: Axolotl 0.21.0 and LLaMA-Factory 0.9.5
have no next-token loss with a KL term, and compiling for them is an error.

Instead:
Write a weight from 0.03 to 0.10, for example `kl_weight: 0.05`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

LOW, HIGH = 0.03, 0.1


def check(context: GuardContext) -> Iterator[Violation]:
    """A weight out of range."""
    weight = context.plan.objective.kl_weight
    if weight is None or LOW <= weight <= HIGH:
        return
    better = LOW if weight < LOW else HIGH
    yield Violation(
        ("objective", "kl_weight"),
        f"{weight:g} is outside the usual range, {LOW:g} to {HIGH:g}",
        f"kl_weight: {better}",
        Fix((("objective.kl_weight", better),), safe=False),
    )


GUARD = Guard("QR406", "kl-weight", "warning", "low", __doc__, check)
