"""Weights in bfloat16 do not change where AdamW's step is less than half of the distance to the next number.

Weights as Qwen3's are (normal, standard deviation 0.02), gradients of noise and a tenth as much of a direction, 100
steps of AdamW at each learning rate, without decay. bfloat16 keeps 8 bits: near 0.02 its numbers are 0.00012 apart.
"""

from __future__ import annotations

import torch
from evidence_result import report_result

GUARDS = ("QR423",)
ENVIRONMENT = "axolotl"
RATES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
STEPS, WEIGHTS, SPREAD = 100, 200_000, 0.02


def measure_unchanged_share(rate: float, dtype: torch.dtype) -> float:
    """The share of weights that are what they were before the first step."""
    generator = torch.Generator().manual_seed(0)
    weights = (torch.randn(WEIGHTS, generator=generator) * SPREAD).to(dtype)
    direction = torch.randn(WEIGHTS, generator=generator) * 0.1
    trained = torch.nn.Parameter(weights.clone())
    optimizer = torch.optim.AdamW([trained], lr=rate, betas=(0.9, 0.999), weight_decay=0.0)
    for _ in range(STEPS):
        trained.grad = (direction + torch.randn(WEIGHTS, generator=generator)).to(dtype)
        optimizer.step()
    return round(float((trained.detach() == weights).float().mean()), 4)


unchanged = {
    str(dtype).removeprefix("torch."): {f"{rate:g}": measure_unchanged_share(rate, dtype) for rate in RATES}
    for dtype in (torch.bfloat16, torch.float32)
}
report_result(
    {
        "at 1e-5 at least 80% of bfloat16 weights never change": unchanged["bfloat16"]["1e-05"] >= 0.8,
        "the share falls as the learning rate grows": sorted(unchanged["bfloat16"].values(), reverse=True)
        == list(unchanged["bfloat16"].values()),
    },
    {"in float32 all but 1% change at any rate": max(unchanged["float32"].values()) <= 0.01},
    {"share of weights that never change in 100 steps": unchanged},
    ("torch",),
)
