"""How long a recipe's training examples are, as its lock holds them: what choices about packing are made by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from qwen_recipes.filesystem.read_file import read_json

BINS = 64
"""Groups of examples, by length, whose means are kept."""


@dataclass(frozen=True)
class ExampleLengths:
    """Tokens of examples: how many were measured, the longest, and the mean lengths of equal groups, shortest first."""

    measured: int
    longest: int
    means: tuple[float, ...]

    def compute_mean(self, limit: int, *, truncate: bool) -> float:
        """Tokens of an example in the mean, where longer ones than `limit` are truncated, or else left out."""
        kept = self.list_kept(limit, truncate=truncate)
        return sum(kept) / len(kept) if kept else 0.0

    def list_kept(self, limit: int, *, truncate: bool) -> list[float]:
        """The groups' means under a limit."""
        return [min(mean, float(limit)) for mean in self.means if truncate or mean <= limit]

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"measured": self.measured, "longest": self.longest, "means": list(self.means)}


def summarize_lengths(lengths: Iterable[int]) -> ExampleLengths | None:
    """Lengths in tokens, put together; None of no example."""
    ordered = sorted(lengths)
    count = len(ordered)
    if not count:
        return None
    bins = min(BINS, count)
    edges = [count * place // bins for place in range(bins + 1)]
    groups = [ordered[start:end] for start, end in pairwise(edges)]
    return ExampleLengths(count, ordered[-1], tuple(round(sum(group) / len(group), 1) for group in groups))


def read_locked_lengths(recipe_file: str, part: str = "") -> ExampleLengths | None:
    """The lengths in the lock beside a recipe; None without a lock, or of one that has none.

    `part`: the stage and trial, of a file that has several recipes.
    """
    path = Path(recipe_file).with_suffix(".lock")
    try:
        state = path.stat()
    except (OSError, ValueError):
        return None
    return _read_lock(path, state.st_mtime_ns, state.st_size).get(part)


@lru_cache(maxsize=8)
def _read_lock(path: Path, changed: int, size: int) -> dict[str, ExampleLengths | None]:
    """The lengths of each part, of the file as it was then."""
    try:
        content = read_json(path, "lock")
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping):
        return {}
    stages = content.get("stages")
    parts = stages if isinstance(stages, Mapping) else {"": content}
    return {name: parse_lengths(one.get("lengths")) for name, one in parts.items() if isinstance(one, Mapping)}


def parse_lengths(content: object) -> ExampleLengths | None:
    """What `as_dict` wrote; None of anything else."""
    if not isinstance(content, Mapping):
        return None
    measured, longest, means = content.get("measured"), content.get("longest"), content.get("means")
    numbers = isinstance(means, list) and all(isinstance(mean, (int, float)) and mean > 0 for mean in means)
    if not (numbers and means and isinstance(measured, int) and isinstance(longest, int) and measured > 0):
        return None
    return ExampleLengths(measured, longest, tuple(float(mean) for mean in means))
