"""Rows of a recipe, picked for a comparison, each with the place it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qwen_recipes.backends.plan import Plan, SourcePlan
from qwen_recipes.data.labels import Encoded, Encoder
from qwen_recipes.data.rows.encode import cut_off
from qwen_recipes.data.rows.messages import BadRow, Row
from qwen_recipes.data.rows.prepare import read

BATCH = 256


@dataclass(frozen=True)
class Picked:
    """One row in our form, and what it is encoded to by our definition. `line` is the row's number in other files."""

    file: str
    line: int
    row: Row
    encoded: Encoded


@dataclass
class Sample:
    """What a comparison is about: rows that all three are given, and how many were unreadable or too long."""

    rows: list[Picked] = field(default_factory=list)
    bad: int = 0
    overlong: int = 0


def sample(plan: Plan, base: Path, encoder: Encoder, count: int | None) -> Sample:
    """The first `count` rows (None: all) that are trained on, `base` being the recipe's folder.

    Raises OSError or rows.sources.Missing where a file can't be read.
    """
    found = Sample()
    batch: list[tuple[str, int, Row]] = []
    for place in _plain_rows(plan, base, found):
        batch.append(place)
        if len(batch) == BATCH:
            _encode(plan, encoder, batch, found)
            batch = []
        if count is not None and len(found.rows) >= count:
            break
    _encode(plan, encoder, batch, found)
    found.rows = found.rows[:count]
    return found


def _plain_rows(plan: Plan, base: Path, found: Sample) -> Iterator[tuple[str, int, Row]]:
    for source in plan.data.train:
        for file, line, row, _ in read(_rooted(source, base)):
            if row is None:
                found.bad += 1
            else:
                yield file, line, row


def _rooted(source: SourcePlan, base: Path) -> dict[str, object]:
    path = str(base / source.path) if source.path else None
    return {**asdict(source), "columns": dict(source.columns), "path": path}


def _encode(plan: Plan, encoder: Encoder, batch: list[tuple[str, int, Row]], found: Sample) -> None:
    limit = plan.training.sequence_length
    for file, line, row in batch:
        try:
            encoded = encoder.encode([row])[0]
        except (BadRow, ValueError):
            found.bad += 1
            continue
        length = len(encoded.ids) + (-1 if "text" in row else 1)
        kept = cut_off(encoded, limit)
        if length > limit and (plan.training.overlong != "truncate" or not kept.learns):
            found.overlong += 1
        else:
            found.rows.append(Picked(file, line, row, kept))
