"""How long rows are, in tokens: a histogram, and what follows from it for the sequence length."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

PERCENTILES = (50, 90, 95, 99)
STEP = 256
"""Tokens; a proposed sequence length is a multiple of it."""
PROPOSED_SHARE = 0.99
"""Share of rows that a proposed sequence length holds."""
PACKED_ROWS = 200_000
"""Rows that packing is tried with; of more, the same share of each length."""


@dataclass
class Lengths:
    """Rows by their number of tokens. `trained` counts tokens that carry loss."""

    rows: Counter[int] = field(default_factory=Counter)
    trained: int = 0

    @property
    def count(self) -> int:
        """Rows."""
        return sum(self.rows.values())

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(length * rows for length, rows in self.rows.items())

    @property
    def longest(self) -> int:
        """Tokens of the longest row, 0 where there is none."""
        return max(self.rows, default=0)

    def add(self, other: Lengths) -> None:
        """Count another's rows too."""
        self.rows.update(other.rows)
        self.trained += other.trained

    def percentile(self, percent: float) -> int:
        """The shortest length that holds so many percent of the rows."""
        wanted, seen = self.count * percent / 100, 0
        for length in sorted(self.rows):
            seen += self.rows[length]
            if seen >= wanted:
                return length
        return 0

    def longer(self, limit: int) -> int:
        """Rows with more tokens than that."""
        return sum(rows for length, rows in self.rows.items() if length > limit)

    def proposal(self, positions: int) -> int:
        """A sequence length for these rows: a multiple of 256 that holds 99 % of them, as far as the model goes."""
        wanted = self.percentile(100 * PROPOSED_SHARE)
        return min(max(STEP, -(-wanted // STEP) * STEP), positions)

    def packed(self, limit: int) -> float:
        """Share of tokens in packs of `limit` that are rows', where each row goes to the fullest pack it fits in."""
        fitting = {length: rows for length, rows in self.rows.items() if 0 < length <= limit}
        share = min(1.0, PACKED_ROWS / max(1, sum(fitting.values())))
        kept = {length: max(1, round(rows * share)) for length, rows in fitting.items()}
        packs = _packs(kept, limit)
        return sum(length * rows for length, rows in kept.items()) / (packs * limit) if packs else 0.0


def _packs(rows: Mapping[int, int], limit: int) -> int:
    """How many packs best fit needs, longest rows first."""
    room: Counter[int] = Counter()
    sizes: list[int] = []
    packs = 0
    for length in sorted(rows, reverse=True):
        left = rows[length]
        while left:
            at = bisect_left(sizes, length)
            if at == len(sizes):
                each = limit // length
                full, rest = divmod(left, each)
                packs += full + bool(rest)
                _open(room, sizes, limit - each * length, full)
                _open(room, sizes, limit - rest * length, bool(rest))
                break
            size = sizes[at]
            taken = min(left, room[size])
            left -= taken
            room[size] -= taken
            if not room[size]:
                sizes.pop(at)
            _open(room, sizes, size - length, taken)
    return packs


def _open(room: Counter[int], sizes: list[int], size: int, packs: int) -> None:
    if not packs or not size:
        return
    if not room[size]:
        insort(sizes, size)
    room[size] += packs
