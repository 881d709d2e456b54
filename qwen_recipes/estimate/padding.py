"""How long a micro-batch is: as its longest row."""

from __future__ import annotations

import math
from collections.abc import Sequence

MEAN_OF_LONGEST = 0.35
"""How much a doubling of the rows adds to the longest, in means, where only the mean is known (log-normal, 0.7)."""


def compute_padded_length(lengths: Sequence[int], mean: float, rows: int, limit: int) -> float:
    """Tokens of the longest of `rows` rows, in the mean over all draws; at most `limit`.

    From the lengths themselves where they are known: the k-th shortest of n is the longest of a draw with probability
    (k/n)^rows - ((k-1)/n)^rows.
    """
    if not lengths:
        return min(float(limit), mean * (1 + MEAN_OF_LONGEST * math.log2(max(1, rows))))
    ordered, count = sorted(min(length, limit) for length in lengths), len(lengths)
    return sum(
        length * ((place / count) ** rows - ((place - 1) / count) ** rows)
        for place, length in enumerate(ordered, start=1)
    )
