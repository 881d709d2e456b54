"""How long rows are, in tokens: a histogram, and what follows from it for the sequence length."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

PERCENTILES = (50, 90, 95, 99)
SUGGESTION_STEP = 256
"""Tokens; a proposed sequence length is a multiple of it."""
SUGGESTED_SHARE = 0.99
"""Share of rows that a proposed sequence length holds."""
MAX_PACKED_ROWS = 200_000
"""Rows that packing is tried with; of more, the same share of each length."""


@dataclass
class LengthHistogram:
    """Rows by their number of tokens. `loss_tokens` counts tokens that carry loss."""

    rows: Counter[int] = field(default_factory=Counter)
    loss_tokens: int = 0

    @property
    def count(self) -> int:
        """Rows."""
        return sum(self.rows.values())

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return sum(length * rows for length, rows in self.rows.items())

    @property
    def longest_row(self) -> int:
        """Tokens of the longest row, 0 where there is none."""
        return max(self.rows, default=0)

    def add(self, other: LengthHistogram) -> None:
        """Count another's rows too."""
        self.rows.update(other.rows)
        self.loss_tokens += other.loss_tokens

    def percentile(self, percent: float) -> int:
        """The shortest length that holds so many percent of the rows."""
        wanted, seen = self.count * percent / 100, 0
        for length in sorted(self.rows):
            seen += self.rows[length]
            if seen >= wanted:
                return length
        return 0

    def count_longer(self, limit: int) -> int:
        """Rows with more tokens than that."""
        return sum(rows for length, rows in self.rows.items() if length > limit)

    def suggest_sequence_length(self, positions: int) -> int:
        """A sequence length for these rows in tokens: a multiple of 256 that holds 99% of them, if the model can."""
        wanted = self.percentile(100 * SUGGESTED_SHARE)
        return min(max(SUGGESTION_STEP, -(-wanted // SUGGESTION_STEP) * SUGGESTION_STEP), positions)

    def compute_packing_efficiency(self, limit: int) -> float:
        """Share of tokens in packs of `limit` that are rows', where each row goes to the fullest pack it fits in."""
        fitting = {length: rows for length, rows in self.rows.items() if 0 < length <= limit}
        share = min(1.0, MAX_PACKED_ROWS / max(1, sum(fitting.values())))
        kept = {length: max(1, round(rows * share)) for length, rows in fitting.items()}
        packs = _count_packs(kept, limit)
        return sum(length * rows for length, rows in kept.items()) / (packs * limit) if packs else 0.0


def _count_packs(rows: Mapping[int, int], limit: int) -> int:
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
                _add_open_packs(room, sizes, limit - each * length, full)
                _add_open_packs(room, sizes, limit - rest * length, bool(rest))
                break
            size = sizes[at]
            taken = min(left, room[size])
            left -= taken
            room[size] -= taken
            if not room[size]:
                sizes.pop(at)
            _add_open_packs(room, sizes, size - length, taken)
    return packs


def _add_open_packs(packs_by_room: Counter[int], sizes: list[int], size: int, packs: int) -> None:
    if not packs or not size:
        return
    if not packs_by_room[size]:
        insort(sizes, size)
    packs_by_room[size] += packs
