"""Learning rate out of the usual range.

What:
`training.learning_rate` is more than 2.5 times above or below the range that works for this objective and method.

Why it matters:
At a rate ten times too high, the model forgets what it knew within the first hundred steps, although the training loss
still falls. At one ten times too low, it learns nothing in an affordable number of epochs. An adapter needs about ten
times the rate of full fine-tuning; preference training, which starts from a model that can already do the task, needs
a tenth of the rate of SFT.

Evidence:
Ranges with AdamW, for adapters / for all weights:

- SFT: 5e-5 to 2e-4 / 5e-6 to 2e-5. Plain text: 5e-5 to 2e-4 / 5e-6 to 5e-5. Sources: QLoRA's paper (arXiv:2305.14314)
  1e-4 to 2e-4; ms-swift's guide for Qwen3 and LLaMA-Factory's Qwen3 examples 1e-4 / 1e-5.
- DPO, KTO, SimPO: at most 2e-5 / at most 5e-6. Sources: Zephyr - / 5e-7 (arXiv:2310.16944); KTO - / 5e-7 to 5e-6
  (arXiv:2402.01306); SimPO - / 3e-7 to 1e-6 (arXiv:2405.14734); LLaMA-Factory's Qwen3 LoRA example 5e-6 / -.
- ORPO: 5e-6 to 1e-4 / 5e-7 to 1e-5. Source: - / 8e-6 (arXiv:2403.07691).
- Reward models: 1e-5 to 2e-4 / 1e-6 to 2e-5.

Other optimizers (Muon, SGD, Lion, Adafactor) need other rates and are not checked. Neither are runs on the CPU.

Instead:
Leave `learning_rate` out, or write one within the range. If a sweep of yours shows that another one works, add QR403
to `allow` with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

LearningRateRange = tuple[float, float, float, float]
"""Too low below the first; what works, from the second to the third; too high above the fourth."""

_SFT_RANGES: tuple[LearningRateRange, LearningRateRange] = (2e-5, 5e-5, 2e-4, 5e-4), (2e-6, 5e-6, 2e-5, 5e-5)
_PREFERENCE_RANGES: tuple[LearningRateRange, LearningRateRange] = (0.0, 0.0, 2e-5, 5e-5), (0.0, 0.0, 5e-6, 1.25e-5)
LEARNING_RATE_RANGES: dict[str, tuple[LearningRateRange, LearningRateRange]] = {
    "sft": _SFT_RANGES,
    "pretrain": (_SFT_RANGES[0], (2e-6, 5e-6, 5e-5, 1.25e-4)),
    "reward": ((4e-6, 1e-5, 2e-4, 5e-4), (4e-7, 1e-6, 2e-5, 5e-5)),
    "orpo": ((2e-6, 5e-6, 1e-4, 2.5e-4), (2e-7, 5e-7, 1e-5, 2.5e-5)),
    "dpo": _PREFERENCE_RANGES,
    "kto": _PREFERENCE_RANGES,
    "simpo": _PREFERENCE_RANGES,
}
"""For an adapter, and for the model's own weights."""


def check(context: GuardContext) -> Iterator[Violation]:
    """A rate that was asked for and is far from the range."""
    plan, rate = context.plan, context.plan.training.learning_rate
    trial = plan.hardware.device == "cpu" or "adamw" not in plan.training.optimizer
    if trial or not context.is_set("training.learning_rate") or plan.objective.type not in LEARNING_RATE_RANGES:
        return
    below, low, high, above = LEARNING_RATE_RANGES[plan.objective.type][0 if plan.method.adapter else 1]
    if below <= rate <= above:
        return
    better = low if rate < below else high
    what = "an adapter" if plan.method.adapter else "all weights trained"
    side = f"up to {_format_rate(high)}" if not low else f"{_format_rate(low)} to {_format_rate(high)}"
    yield Violation(
        ("training", "learning_rate"),
        f"{_format_rate(rate)} is far outside the usual range for {plan.objective.type} with {what}: {side}",
        f"learning_rate: {better}",
        Fix((("training.learning_rate", better),), safe=False),
    )


def _format_rate(rate: float) -> str:
    """`2e-4`, as people write it."""
    digits, power = f"{rate:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


GUARD = Guard("QR403", "learning-rate", "warning", "medium", __doc__, check)
