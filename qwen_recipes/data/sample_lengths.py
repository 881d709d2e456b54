"""How long a recipe's training rows are, for whoever plans a run; a part of many rows stands for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import ChatPlan, Plan
from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.example_length import TokenMeasurer, select_loss
from qwen_recipes.data.first_rows import limit_files, split_first_rows
from qwen_recipes.data.length_histogram import LengthHistogram
from qwen_recipes.data.parsed_row import parse_row
from qwen_recipes.data.plan_template import make_plan_renderer
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.row_reader import MissingReaderError, find_file_problem, read_raw_rows
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.data.token_counter import TokenCounter
from qwen_recipes.data.tokenizer import MissingTokenizerError, is_qwen3_tokenizer, load_tokenizer
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.tokenizer_errors import UnsupportedTokenizerError

MAX_ROWS = 10_000
"""Rows that are measured: a second or two."""


@dataclass(frozen=True)
class SampledLengths:
    """Lengths of the rows that were measured, and whether those are all rows."""

    histogram: LengthHistogram
    complete: bool


def sample_lengths(plan: Plan, folder: Path, max_rows: int = MAX_ROWS) -> SampledLengths | None:
    """Lengths in tokens of the first rows of a plan's files, `max_rows` of them shared between the files.

    `folder` is the recipe's. None where nothing can be said: rows on the hub, missing files, no tokenizer here.
    Raises InvalidTokenizerError for a broken one.
    Nothing is kept between calls: what would tell that a file is unchanged costs nearly as much as measuring.
    """
    try:
        files = [
            (file, source, most)
            for source in plan.data.train
            if source.path
            for file, most in limit_files(list_source_files(source.path, folder), source.encoding or "", source.limit)
        ]
        if not files:
            return None
        return _measure_files(plan, folder, files, max_rows)
    except (MissingTokenizerError, UnsupportedTokenizerError, MissingReaderError, OSError):
        return None


def _measure_files(plan: Plan, folder: Path, files: list[Any], max_rows: int) -> SampledLengths:
    model = get_model_facts(plan.model, folder)
    tokenizer = load_tokenizer(model)
    counter = TokenCounter(tokenizer, is_qwen3_tokenizer(model, tokenizer))
    chat = plan.chat
    template = make_plan_renderer(plan, folder)
    found = LengthHistogram()
    share, complete = max(1, max_rows // len(files)), True
    for file, source, most in files:
        count = 0
        measure = TokenMeasurer(counter, select_loss(chat.train_on, chat.thinking, source.format))
        for count, row in enumerate(_read_normalized_rows(file, source, most, share, template.tool_style), 1):  # noqa: B007
            for example in list_examples(template, row, chat):
                measured = measure.measure_row(example, template.render_row(example), template.render)
                longest = max((length for length, _ in measured), key=lambda one: one.tokens)
                found.rows[longest.tokens] += 1
                found.loss_tokens += longest.loss_tokens
        complete = complete and count < share
    return SampledLengths(found, complete)


def list_examples(template: TemplateRenderer, row: Row, chat: ChatPlan) -> list[Row]:
    """The examples that a row in our form is trained as; none where nothing in it carries loss."""
    try:
        return template.make_examples(row, chat.turns, chat.train_on)
    except BadRowError:
        return []


def _read_normalized_rows(
    file: Path, source: Any, most_rows: int | None, max_rows: int, tool_style: str
) -> Iterator[Any]:
    if find_file_problem(file, source.encoding or ""):
        return
    count, options = 0, RowOptions(source.roles, source.prompt_style, tool_style)
    for work in split_first_rows(file, source.encoding or "", most_rows):
        for record in read_raw_rows(work):
            facts = parse_row(record.row, source.format, dict(source.columns), "", None, options)
            if facts.normalized is not None:
                yield facts.normalized
                count += 1
            if count == max_rows:
                return
