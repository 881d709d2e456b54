"""DPO beta out of the usual range.

What:
`objective.beta` of DPO (losses `sigmoid` and `robust`) is below 0.05 or above 0.20.

Why it matters:
Beta says how closely the model is held to the reference model. If it is too small, the model drifts: long answers,
repetition, broken text. If it is too large, the pairs teach it nothing.

Evidence:
0.1 is the paper's default (arXiv:2305.18290), TRL's, LLaMA-Factory's and ms-swift's. Best values depend on the model
and the pairs, and 0.01 was best for one model in Hugging Face's comparison ("Preference Tuning LLMs with Direct
Preference Optimization Methods", 2024): so this is advice. Other losses measure beta differently (IPO's is the
inverse of a margin, SimPO's is 2 to 2.5) and are not judged. The adapter's rank is the smaller lever: sweep it before
beta, not with it.

Instead:
Start with `beta: 0.1`. Sweep 0.05, 0.1, 0.2 with everything else fixed.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

LOW, HIGH = 0.05, 0.2


def check(context: GuardContext) -> Iterator[Violation]:
    """A beta of plain DPO out of range."""
    objective = context.plan.objective
    if objective.type != "dpo" or objective.loss not in ("sigmoid", "robust") or LOW <= objective.beta <= HIGH:
        return
    better = LOW if objective.beta < LOW else HIGH
    yield Violation(
        ("objective", "beta"),
        f"{objective.beta:g} is outside the usual range for DPO, {LOW:g} to {HIGH:g}",
        f"beta: {better}",
        Fix((("objective.beta", better),), safe=False),
    )


GUARD = Guard("QR405", "dpo-beta", "advice", "medium", __doc__, check)
