"""The time to read an input grows as its size does; `benchmarks/bench_reading.py` shows it up to 4 MB."""

from __future__ import annotations

import pytest

from benchmarks.bench_reading import KINDS, compute_slope, measure

SIZES = (60_000, 240_000)
MAX_SLOPE = 1.5
"""Quadratic time would be 2."""


@pytest.mark.parametrize("name", [name for name in KINDS if name != "template"])
def test_four_times_as_much_takes_about_four_times_as_long(name):
    """A busy machine may spoil one measurement: the smallest of two, and the best of four tries."""
    slopes = []
    for _ in range(4):
        slopes.append(compute_slope({size: measure(KINDS[name], size, rounds=2) for size in SIZES}))
        if slopes[-1] <= MAX_SLOPE:
            return
    raise AssertionError(f"slopes of {name}: {slopes}")
