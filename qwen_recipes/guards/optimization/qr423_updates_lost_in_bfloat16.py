"""Updates lost in bfloat16 weights.

What:
`training.weights_dtype: bfloat16` with an Adam-like optimizer, at a learning rate where more than 5% of the weights
are too large for one step to change.

Why it matters:
A step of Adam moves a weight by about the learning rate. bfloat16 keeps 8 bits of a number: near 0.02, where Qwen3's
weights are, its values are 0.0001 apart, and a sum is rounded to the nearest of them. A smaller step is lost every
time, so those weights keep their initial value for the whole run, while the loss falls because of what the other
weights learn. With float32 weights such steps add up. In an adapter this affects A; B starts at zero and can change.

Evidence:
research/evidence/bfloat16_updates.py, 100 steps of AdamW (torch 2.13): 85% of bfloat16 weights never changed at 1e-5
and 15% at 1e-4; all float32 weights changed. The share in the message is that of a normal distribution with standard
deviation 0.02. DeepSpeed and Megatron keep float32 master weights for this reason (Micikevicius et al. 2018,
arXiv:1710.03740, section 3.1).

Instead:
Leave `weights_dtype` out: the default is float32. If you are short of memory, shard (`strategy: fsdp`), offload, use
`adamw_8bit`, or train an adapter. bfloat16 weights need a learning rate near 1e-3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

LOST_SHARE_LIMIT = 0.05
TYPICAL_WEIGHT = 0.02
"""Standard deviation of the weights of Qwen3's linear layers."""
SIGNIFICANT_BITS = 8
"""Of a bfloat16 number, the leading one included."""
STEPS_OF_THE_RATE = ("adamw", "paged_adamw", "lion", "ademamix", "schedule_free_adamw")
"""Optimizers whose step is about the learning rate, by the beginnings of their names."""


def check(context: GuardContext) -> Iterator[Violation]:
    """bfloat16 weights at a rate that changes few of them."""
    t = context.plan.training
    if t.weights_dtype != "bfloat16" or not t.optimizer.startswith(STEPS_OF_THE_RATE):
        return
    lost = compute_lost_share(t.learning_rate)
    if lost > LOST_SHARE_LIMIT:
        yield Violation(
            context.locate_field("training.weights_dtype"),
            f"about {lost:.0%} of the weights never change: bfloat16 rounds steps of {t.learning_rate:g} to zero",
            "weights_dtype: float32",
            Fix((("training.weights_dtype", "float32"),), safe=False),
        )


def compute_lost_share(rate: float) -> float:
    """The share of weights that a step of `rate` leaves as they are: half the distance to the next number is more.

    Between 2**e and 2**(e + 1) numbers are 2**(e + 1 - SIGNIFICANT_BITS) apart.
    """
    smallest_lost = 2.0 ** (math.floor(math.log2(rate * 2**SIGNIFICANT_BITS)) + 1)
    return math.erfc(smallest_lost / (TYPICAL_WEIGHT * math.sqrt(2)))


GUARD = Guard("QR423", "updates-lost-in-bfloat16", "warning", "high", __doc__, check)
