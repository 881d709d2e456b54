"""The numbers of a parameter's range."""

from __future__ import annotations

import math

from qwen_recipes.recipe.spec.sweep import ParameterRange


def count_range_values(stated: ParameterRange) -> int:
    """How many values a range has; an open one, which only a search draws from, counts as its two ends."""
    assert stated.min is not None and stated.max is not None
    if stated.step is not None:
        return math.floor((stated.max - stated.min) / stated.step + 1e-9) + 1
    return stated.count or 2


def list_range_values(stated: ParameterRange) -> list[float | int]:
    """The values from `min` to `max`; whole numbers where `min`, `max` and `step` are. The ends of an open range."""
    low, high, count = stated.min, stated.max, count_range_values(stated)
    assert low is not None and high is not None
    if stated.step is not None:
        step = stated.step
        return [_round(low + number * step, low, step) for number in range(count)]
    if stated.log:
        ratio = (high / low) ** (1 / (count - 1))
        return [_round(low * ratio**number, low, high) for number in range(count)]
    return [_round(low + (high - low) * number / (count - 1), low, high) for number in range(count)]


def _round(value: float, *like: float) -> float | int:
    """A number without the dust of floating point; a whole one where all that it was made of are."""
    if all(isinstance(one, int) for one in like):
        return round(value)
    return float(f"{value:.10g}")
