"""A covering array: few rows in which every allowed pair of two factors' levels stands together at least once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Hashable, Mapping, Sequence

Level = Hashable
Row = dict[str, Level]
Allowed = Callable[[Mapping[str, Level]], bool]
"""Whether a row that is not yet whole may still become one."""
Pair = tuple[str, Level, str, Level]
CANDIDATES = 6
"""Rows that are tried for each one that is kept."""
ATTEMPTS = 40
"""Orders in which factors are filled before a pair counts as forbidden."""
DECISIVE = ("objective", "method", "optimizer", "length")
"""Factors on which most rules depend: they are filled first, so that few rows end where nothing is allowed."""


def draw_rows(factors: Mapping[str, Sequence[Level]], allowed: Allowed, seed: int) -> tuple[list[Row], list[Pair]]:
    """Rows that cover all pairs that are allowed, and the pairs that no row can hold. The same for the same seed."""
    chance = random.Random(seed)
    open_pairs = _list_pairs(factors)
    rows: list[Row] = []
    forbidden: list[Pair] = []
    while open_pairs:
        pair = next(iter(open_pairs))
        row = _draw_best(pair, factors, open_pairs, allowed, chance)
        if row is None:
            forbidden.append(pair)
            del open_pairs[pair]
            continue
        rows.append(row)
        for covered in _pairs_of(row, list(factors)):
            open_pairs.pop(covered, None)
    return rows, forbidden


def _list_pairs(factors: Mapping[str, Sequence[Level]]) -> dict[Pair, None]:
    pairs = itertools.combinations(factors, 2)
    return {(a, x, b, y): None for a, b in pairs for x in factors[a] for y in factors[b]}


def _pairs_of(row: Mapping[str, Level], order: Sequence[str]) -> list[Pair]:
    return [(a, row[a], b, row[b]) for a, b in itertools.combinations(order, 2)]


def _draw_best(
    pair: Pair,
    factors: Mapping[str, Sequence[Level]],
    open_pairs: Mapping[Pair, None],
    allowed: Allowed,
    chance: random.Random,
) -> Row | None:
    found: list[Row] = []
    for _ in range(ATTEMPTS):
        row = _fill_row(pair, factors, open_pairs, allowed, chance)
        if row is not None:
            found.append(row)
        if len(found) == CANDIDATES:
            break
    order = list(factors)
    return max(found, key=lambda row: sum(one in open_pairs for one in _pairs_of(row, order)), default=None)


def _fill_row(
    pair: Pair,
    factors: Mapping[str, Sequence[Level]],
    open_pairs: Mapping[Pair, None],
    allowed: Allowed,
    chance: random.Random,
) -> Row | None:
    row: Row = {pair[0]: pair[1], pair[2]: pair[3]}
    if not allowed(row):
        return None
    rest = [name for name in factors if name not in row]
    chance.shuffle(rest)
    rest.sort(key=lambda name: name not in DECISIVE)
    place = {name: number for number, name in enumerate(factors)}
    for name in rest:
        levels = [level for level in factors[name] if allowed({**row, name: level})]
        if not levels:
            return None
        chance.shuffle(levels)
        gains = [_count_gain(row, name, level, open_pairs, place) for level in levels]
        row[name] = levels[gains.index(max(gains))]
    return {name: row[name] for name in factors}


def _count_gain(
    row: Mapping[str, Level], name: str, level: Level, open_pairs: Mapping[Pair, None], order: Mapping[str, int]
) -> int:
    gain = 0
    for other, value in row.items():
        first = order[other] < order[name]
        pair = (other, value, name, level) if first else (name, level, other, value)
        gain += pair in open_pairs
    return gain
