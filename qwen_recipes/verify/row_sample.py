"""Rows of a recipe, picked for a comparison, each with the place it was read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan, SourcePlan
from qwen_recipes.data.encoder import EncodedRow, Encoder
from qwen_recipes.data.local_source import list_local_sources, to_source_spec
from qwen_recipes.data.plan_template import find_plan_tool_style
from qwen_recipes.data.rows.encode import truncate_encoded
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.prepare import read_normalized_rows

BATCH_ROWS = 256


@dataclass(frozen=True)
class SampledRow:
    """One example in our form, and what it is encoded to by our definition. `line` is the row's number in other files.

    `conversation` is the row that it is made of, `part` its number among that row's examples, from 1.
    """

    file: str
    line: int
    row: Row
    encoded: EncodedRow
    conversation: Row = field(default_factory=dict)
    part: int = 1


@dataclass
class RowSample:
    """What a comparison is about: examples that all three are given, and how many were unreadable or too long."""

    rows: list[SampledRow] = field(default_factory=list)
    bad: int = 0
    overlong: int = 0


def sample_rows(plan: Plan, base: Path, encoder: Encoder, count: int | None) -> RowSample:
    """The first `count` rows (None: all) that are trained on, `base` being the recipe's folder.

    Raises OSError or rows.sources.MissingSourceError where a file can't be read.
    """
    found = RowSample()
    batch: list[tuple[str, int, Row]] = []
    for place in _read_rows(plan, base, found):
        batch.append(place)
        if len(batch) == BATCH_ROWS:
            _encode_batch(plan, encoder, batch, found)
            batch = []
        if count is not None and len(found.rows) >= count:
            break
    _encode_batch(plan, encoder, batch, found)
    found.rows = found.rows[:count]
    return found


def _read_rows(plan: Plan, base: Path, result: RowSample) -> Iterator[tuple[str, int, Row]]:
    style = find_plan_tool_style(plan, base)
    for source in plan.data.train:
        yield from read_source(source, base, result, style)


def read_source(
    source: SourcePlan, base: Path, result: RowSample, tool_style: str, count: int | None = None
) -> Iterator[tuple[str, int, Row]]:
    """File, line and row in our form of a source's first `count` rows; those that can't be read are counted."""
    specs = (to_source_spec(one, tool_style) for one in list_local_sources(source, base))
    rows = chain.from_iterable(map(read_normalized_rows, specs))
    for file, line, row, _ in islice(rows, count):
        if row is None:
            result.bad += 1
        else:
            yield file, line, row


def count_longest_example(plan: Plan) -> int:
    """Tokens of the longest example that is kept whole."""
    return plan.training.sequence_length - load_backend(plan.backend).count_reserved_tokens(plan)


def _encode_batch(plan: Plan, encoder: Encoder, batch: list[tuple[str, int, Row]], result: RowSample) -> None:
    for file, line, row in batch:
        try:
            examples = encoder.make_examples(row, plan.chat.turns)
        except (BadRowError, ValueError):
            result.bad += 1
            continue
        for part, example in enumerate(examples, 1):
            _encode_example(plan, encoder, SampledRow(file, line, example, EncodedRow([], []), row, part), result)


def _encode_example(plan: Plan, encoder: Encoder, example: SampledRow, result: RowSample) -> None:
    limit = count_longest_example(plan)
    try:
        encoded = encoder.encode([example.row])[0]
    except (BadRowError, ValueError):
        result.bad += 1
        return
    length = len(encoded.ids) + (-1 if "text" in example.row else 1)
    kept = truncate_encoded(encoded, limit)
    if length > limit and (plan.training.overlong != "truncate" or not kept.has_loss):
        result.overlong += 1
    else:
        result.rows.append(replace(example, encoded=kept))
