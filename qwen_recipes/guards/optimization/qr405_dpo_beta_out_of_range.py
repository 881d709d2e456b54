"""DPO beta out of the usual range.

What:
`objective.beta` of DPO (losses `sigmoid` and `robust`) is below 0.05 or above 0.20.

Why it matters:
Beta controls how closely the model is kept to the reference model. If it is too small, the model drifts: long answers,
repetition, broken text. If it is too large, it learns nothing from the pairs.

Evidence:
0.1 is the default of the paper (arXiv:2305.18290), TRL, LLaMA-Factory and ms-swift. The best value depends on the
model and the pairs; 0.01 was best for one model in Hugging Face's comparison ("Preference Tuning LLMs with Direct
Preference Optimization Methods", 2024), so this is only advice. In other losses beta means something else (the inverse
of a margin in IPO, 2 to 2.5 in SimPO); they are not checked. The adapter's rank matters less: sweep it before beta,
not together with it.

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
