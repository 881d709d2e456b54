"""Which examples are written, where to, and which are not."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal

Assignment = Literal["train", "validation", "duplicate", "near-duplicate", "mixed-out"]


class ExampleGroups:
    """Examples that have to stay on one side: those that share a key, directly or through others (union-find)."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self.first_by_key: dict[Hashable, int] = {}

    def add_example(self, keys: Sequence[Hashable]) -> None:
        """The next example, and the keys that it shares with others."""
        place = len(self.parents)
        self.parents.append(place)
        for key in keys:
            self._join_groups(self.first_by_key.setdefault(key, place), place)

    def list_groups(self, indices: Sequence[int]) -> list[list[int]]:
        """These examples by group, in order."""
        groups: dict[int, list[int]] = defaultdict(list)
        for place in indices:
            groups[self._find_root(place)].append(place)
        return list(groups.values())

    def _join_groups(self, first: int, second: int) -> None:
        one, other = self._find_root(first), self._find_root(second)
        self.parents[max(one, other)] = min(one, other)

    def _find_root(self, index: int) -> int:
        while self.parents[index] != index:
            self.parents[index] = self.parents[self.parents[index]]
            index = self.parents[index]
        return index


def balance_reasoning(
    assignments: list[Assignment], reasoning: Sequence[bool], share: float, rng: random.Random
) -> None:
    """Leave out of the kind that is too many so that `share` of what is left has reasoning."""
    kept = [place for place, fate in enumerate(assignments) if fate == "train"]
    thinking = [place for place in kept if reasoning[place]]
    plain = [place for place in kept if not reasoning[place]]
    if len(thinking) * (1 - share) > len(plain) * share:
        too_many, wanted = thinking, round(len(plain) * share / (1 - share))
    else:
        too_many, wanted = plain, round(len(thinking) * (1 - share) / share)
    for place in rng.sample(too_many, max(0, len(too_many) - wanted)):
        assignments[place] = "mixed-out"


def hold_out_groups(assignments: list[Assignment], groups: ExampleGroups, share: float, rng: random.Random) -> None:
    """Whole groups to validate on, until they are `share` of the examples or as near to it as groups allow."""
    kept = [place for place, fate in enumerate(assignments) if fate == "train"]
    members = groups.list_groups(kept)
    rng.shuffle(members)
    wanted, held = max(1, round(share * len(kept))), 0
    for group in members:
        if held + len(group) <= wanted and held < wanted:
            held += len(group)
            for place in group:
                assignments[place] = "validation"
