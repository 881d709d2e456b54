"""Which rows are validated on, and how often the others are trained on."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from .row import Row
from .sources import repeat_by_weight

ExampleGroup = list[Row]
"""The examples of one row of a file: they stay together."""


@dataclass
class WeightedGroups:
    """One source's rows, and how many times each counts."""

    groups: list[ExampleGroup]
    weight: float


def thin_out(source: WeightedGroups, seed: int) -> WeightedGroups:
    """A weight below 1 as fewer rows, drawn by the seed; a larger one is left as it is."""
    if source.weight >= 1:
        return source
    return WeightedGroups(repeat_by_weight(source.groups, source.weight, seed), 1.0)


def hold_out_share(
    sources: Sequence[WeightedGroups], share: float, seed: int
) -> tuple[list[WeightedGroups], list[ExampleGroup]]:
    """The sources without what is validated on, and that: a share of the different rows, each once.

    Rows are drawn before weights repeat them, and a row that stands in the files several times is one: none is on both
    sides.
    """
    keys = list(dict.fromkeys(_get_key(group) for source in sources for group in source.groups))
    count = max(1, round(share * len(keys))) if keys else 0
    held = {keys[index]: True for index in sorted(random.Random(seed).sample(range(len(keys)), count))}
    validation = []
    for group in (group for source in sources for group in source.groups):
        if held.get(key := _get_key(group)):
            validation.append(group)
            held[key] = False
    left = [WeightedGroups([g for g in s.groups if _get_key(g) not in held], s.weight) for s in sources]
    return left, validation


def flatten_groups(sources: Sequence[WeightedGroups], seed: int) -> list[Row]:
    """All examples, those of each row as often as its source's weight says."""
    return [row for s in sources for group in repeat_by_weight(s.groups, s.weight, seed) for row in group]


def _get_key(group: ExampleGroup) -> str:
    return json.dumps(group, ensure_ascii=False, sort_keys=True)
