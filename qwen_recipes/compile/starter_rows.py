"""Whether a file has a row to train on, before a recipe is written for it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.parsed_row import parse_row
from qwen_recipes.data.rows.encode import LossRule, split_segments
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.row_reader import MissingReaderError, find_file_problem, read_raw_rows, split_file

MAX_ROWS = 10_000
"""Rows that are looked at."""


def explain_untrainable_rows(path: Path, layout: str, variant: str) -> str:
    """Why none of a file's first rows can be trained on; empty where one can, or where nothing can be said.

    `variant` is the official chat template's. Raises OSError.
    """
    if problem := find_file_problem(path):
        return str(problem)
    first = ""
    try:
        for number, why in islice(_judge_rows(path, layout, variant), MAX_ROWS):
            if not why:
                return ""
            first = first or f"row {number}: {why}"
    except MissingReaderError:
        return ""
    return first or "the file is empty"


def _judge_rows(path: Path, layout: str, variant: str) -> Iterator[tuple[int, str]]:
    """The number of each row, and why it can't be trained on; empty where it can."""
    template = TemplateRenderer(variant)
    for part in split_file(path):
        for record in read_raw_rows(part):
            if record.problem:
                yield record.number, record.problem
                continue
            facts = parse_row(record.row, layout, {}, variant, None)
            yield (
                record.number,
                facts.problem if facts.normalized is None else _find_no_loss(facts.normalized, template),
            )


def _find_no_loss(row: Row, template: TemplateRenderer) -> str:
    """Why no token of a row would be in the loss; empty where one would be."""
    if "messages" not in row:
        return ""
    try:
        segments = split_segments(row, template.render, LossRule())
    except BadRowError as error:
        return str(error)
    return "" if any(segment.in_loss for segment in segments) else "no token is in the loss"
