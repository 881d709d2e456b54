"""How long a recipe's training examples are, as its lock holds them: what choices about packing are made by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from os.path import normpath
from pathlib import Path

from qwen_recipes.recipe.lock_parts import get_lock_path, read_locked_recipe

BINS = 64
"""Groups of examples, by length, whose means are kept."""

MAX_TOKENS = 10**12
"""No example is as long, nor are there as many: a lock that says so is damaged."""


@dataclass(frozen=True)
class ExampleLengths:
    """Tokens of examples: how many were measured, the longest, and the mean lengths of equal groups, shortest first."""

    measured: int
    longest: int
    means: tuple[float, ...]
    complete: bool = False
    """Whether every example was measured, so that none is longer than `longest`."""

    def compute_mean(self, limit: int, *, truncate: bool) -> float:
        """Tokens of an example in the mean, where longer ones than `limit` are truncated, or else left out."""
        kept = self.list_kept(limit, truncate=truncate)
        return sum(kept) / len(kept) if kept else 0.0

    def list_kept(self, limit: int, *, truncate: bool) -> list[float]:
        """The groups' mean lengths in tokens, where longer ones than `limit` tokens are truncated, or else left out."""
        return [min(mean, float(limit)) for mean in self.means if truncate or mean <= limit]

    def as_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "measured": self.measured,
            "complete": self.complete,
            "longest": self.longest,
            "means": list(self.means),
        }


def summarize_lengths(lengths: Iterable[int], *, complete: bool = False) -> ExampleLengths | None:
    """Lengths in tokens, put together; None of no example."""
    ordered = sorted(lengths)
    count = len(ordered)
    if not count:
        return None
    bins = min(BINS, count)
    edges = [count * place // bins for place in range(bins + 1)]
    groups = [ordered[start:end] for start, end in pairwise(edges)]
    return ExampleLengths(count, ordered[-1], tuple(round(sum(group) / len(group), 1) for group in groups), complete)


@dataclass(frozen=True)
class LockedLengths:
    """What a lock says of one recipe: its lengths, and the training files that they are of, with their bytes."""

    lengths: ExampleLengths | None
    files: tuple[tuple[str, int], ...]

    def describes(self, folder: Path, paths: Iterable[str]) -> bool:
        """Whether the files are as they were, as far as they are there, and are those that the recipe names."""
        named = {normpath(folder / path) for path in paths if (folder / path).is_file()}
        listed = {normpath(folder / path) for path, _ in self.files}
        return named <= listed and all(_get_size(folder / path) in (None, size) for path, size in self.files)


def read_locked_lengths(recipe_file: str, paths: Iterable[str], part: str = "") -> ExampleLengths | None:
    """The lengths in the lock beside a recipe; None without a lock, of one that has none, and where the data changed.

    `paths`: the recipe's training data. `part`: the stage and trial, of a file that has several recipes.
    """
    locked = _parse_lengths_and_files(read_locked_recipe(recipe_file, part))
    if locked.lengths is None or not locked.describes(get_lock_path(recipe_file).parent, paths):
        return None
    return locked.lengths


def _parse_lengths_and_files(content: Mapping[str, object]) -> LockedLengths:
    data = content.get("data")
    entries = [one for one in (data if isinstance(data, list) else []) if isinstance(one, Mapping)]
    files = [(one.get("path"), one.get("bytes")) for one in entries if one.get("split") == "train"]
    known = tuple((path, size) for path, size in files if isinstance(path, str) and isinstance(size, int))
    return LockedLengths(parse_lengths(content.get("lengths")), known)


def _get_size(path: Path) -> int | None:
    """Bytes; None of what is not there."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def parse_lengths(content: object) -> ExampleLengths | None:
    """What `as_dict` wrote; None of anything else."""
    if not isinstance(content, Mapping):
        return None
    measured, longest, means = content.get("measured"), content.get("longest"), content.get("means")
    numbers = isinstance(means, list) and all(
        isinstance(mean, (int, float)) and 0 < mean < MAX_TOKENS for mean in means
    )
    if not (numbers and means and isinstance(measured, int) and isinstance(longest, int) and 0 < measured < MAX_TOKENS):
        return None
    if longest > MAX_TOKENS:
        return None
    return ExampleLengths(measured, longest, tuple(float(mean) for mean in means), content.get("complete") is True)
