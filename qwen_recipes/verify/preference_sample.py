"""Preference examples of a recipe, picked for a comparison, each with the place it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.encoder import EncodedRow, Encoder
from qwen_recipes.data.plan_template import find_plan_tool_style
from qwen_recipes.data.rows.encode import IGNORE_INDEX
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.preferences import TooLongError
from qwen_recipes.recipe.objective_formats import PAIRED_OBJECTIVES
from qwen_recipes.verify.row_sample import RowSample, read_source

OBJECTIVES = (*PAIRED_OBJECTIVES, "kto")
"""Objectives whose answers are in the rows, and judged as a whole."""


@dataclass(frozen=True)
class SampledPreference:
    """One example in our form, and its conversations by our definition: chosen and rejected, or the labelled one."""

    file: str
    line: int
    row: Row
    sides: tuple[EncodedRow, ...]


@dataclass
class PreferenceSample(RowSample):
    """Examples that are trained on, and how many were unreadable or too long."""

    examples: list[SampledPreference] = field(default_factory=list)


def sample_preferences(plan: Plan, base: Path, encoder: Encoder, count: int | None) -> PreferenceSample:
    """The examples of the first `count` rows (None: all) of each source, `base` being the recipe's folder.

    Raises OSError or rows.sources.MissingSourceError where a file can't be read.
    """
    found = PreferenceSample()
    style = find_plan_tool_style(plan, base)
    for source in plan.data.train:
        for file, line, row in read_source(source, base, found, style, count):
            _add_example(plan, encoder, file, line, row, found)
    return found


def _add_example(plan: Plan, encoder: Encoder, file: str, line: int, row: Row, sample: PreferenceSample) -> None:
    limit = plan.training.sequence_length
    try:
        whole = encoder.encode_preference(row)
        if whole.longest > limit and plan.training.overlong != "truncate":
            raise TooLongError("longer than the sequence length")
        rows = whole.truncate(limit).list_rows()
    except TooLongError:
        sample.overlong += 1
        return
    except (BadRowError, ValueError):
        sample.bad += 1
        return
    if plan.objective.type == "reward":  # it scores the conversation as a whole
        rows = [EncodedRow(one.ids, [IGNORE_INDEX] * len(one.ids)) for one in rows]
    sample.examples.append(SampledPreference(file, line, row, tuple(rows)))
