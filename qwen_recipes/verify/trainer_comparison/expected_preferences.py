"""Pairs and labelled answers of a plan as our own encoder makes them, to hold batches against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.encoder import EncodedRow
from qwen_recipes.verify.preference_batches import SeenPreference, read_preferences
from qwen_recipes.verify.preference_sample import SampledPreference, sample_preferences
from qwen_recipes.verify.trainer.batches import MOST_NUMBERS
from qwen_recipes.verify.trainer_comparison.batch_rows import ALL_MATCH, describe_mismatch
from qwen_recipes.verify.trainer_comparison.expected_rows import ExpectedRows, get_encoder

Key = tuple[Any, ...]


@dataclass(frozen=True)
class ExpectedPreferences:
    """The examples of all sources; `cut` is true where one is too long, and left out or truncated."""

    examples: Sequence[SampledPreference]
    cut: bool


def expect_preferences(plan: Plan, folder: Path, validation: bool) -> ExpectedPreferences:
    """The examples to train on, or to validate on; `folder` is the recipe's. Raises as `expect_rows`."""
    source = replace(plan, data=replace(plan.data, train=plan.data.validation)) if validation else plan
    found = sample_preferences(source, folder, get_encoder(plan, folder), None)
    length = plan.training.sequence_length
    truncated = any(len(side.ids) == length for one in found.examples for side in one.sides)
    return ExpectedPreferences(found.examples, cut=bool(found.overlong) or truncated)


def compare_preference_batches(
    batches: Sequence[Mapping[str, Any]], expected: ExpectedPreferences, objective: str
) -> str:
    """`ALL_MATCH`, or how many examples are not ours and how the first of them parts.

    Raises ValueError where a batch was too large to be observed whole.
    """
    if any(_is_flat(values) for batch in batches for values in batch.get("values", {}).values()):
        raise ValueError("the batch is too large to be observed whole")
    seen = read_preferences(batches, objective)
    ours = {_make_key(one.sides, one.row.get("label") if objective == "kto" else None) for one in expected.examples}
    wrong = [(place, one) for place, one in enumerate(seen) if _make_key(one.sides, one.label) not in ours]
    if not wrong:
        return ALL_MATCH if seen else "no example"
    place, example = wrong[0]
    return f"{len(wrong)} of {len(seen)} examples differ; example {place}: {_describe(example, expected)}"


def _is_flat(values: object) -> bool:
    """Whether more numbers than are kept stood in a matrix; labels of examples are a short list."""
    return isinstance(values, list) and len(values) == MOST_NUMBERS and not isinstance(values[0], list)


def _make_key(sides: Sequence[EncodedRow], label: bool | None) -> Key:
    return (*((tuple(side.ids), tuple(side.labels[1:])) for side in sides), label)


def _describe(example: SeenPreference, expected: ExpectedPreferences) -> str:
    sides = [side for one in expected.examples for side in one.sides]
    rows = ExpectedRows(sides, examples=0, held_out=0, overlong=0, truncated=0)
    problems = (describe_mismatch(side, rows) for side in example.sides)
    return next((problem for problem in problems if problem), "its answers, or its label, are not of one row")
