"""`recipes data preview`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import format_count, print_stderr, print_text, should_colour
from qwen_recipes.cli.data.hub_rows import HubOptions, add_hub_options
from qwen_recipes.cli.data.reading_options import layout_option, length_option, model_option, turns_option
from qwen_recipes.cli.data.selection import DataOptions, DataSelection, get_template_text, select_data
from qwen_recipes.cli.data.token_preview import RowPreview, format_previews
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, set_option
from qwen_recipes.data.rows.messages import Row
from qwen_recipes.guards.rows.row_checker import RowCheckSettings

if TYPE_CHECKING:
    from qwen_recipes.data.encoder import Encoder


@click.command("preview")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|ID|RECIPE")
@click.option(
    "--rows", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Number of rows to show."
)
@click.option(
    "--from-row", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="First row to show, from 1."
)
@click.option("--backend", metavar="NAME", help="Show the data as prepared for this framework. [default: run.backend]")
@model_option
@layout_option
@length_option
@turns_option
@add_hub_options
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write an HTML page instead."
)
@set_option
def command(
    names: tuple[str, ...],
    rows: int,
    from_row: int,
    backend: str | None,
    model: str | None,
    layout: str | None,
    limit: int | None,
    train_on: str | None,
    subset: str | None,
    split: str | None,
    revision: str | None,
    html: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Show examples as the model sees them, with control tokens and the tokens in the loss.

    Tokens in the loss are green, or in [[brackets]] without colors. Tokens beyond the maximum length are struck
    through, or follow |truncated here|.
    """
    hub = HubOptions(subset, split, revision)
    asked = select_data(names, DataOptions(model, layout, train_on, limit, backend, sets, hub=hub))
    shown = list(islice(_preview_selection(asked, backend), from_row - 1, from_row - 1 + rows))
    if not shown:
        exit_with_error(f"no rows to show: the data has fewer than {from_row:,}", ExitCode.INVALID_INPUT)
    all_bad = all(row.problem for row in shown)
    if html is None:
        print_text(format_previews(shown, coloured=_can_colour()))
        sys.exit(ExitCode.INVALID_INPUT if all_bad else ExitCode.SUCCESS)
    from qwen_recipes.reports.page import render_page
    from qwen_recipes.reports.save_page import save_page

    page = render_page("token_preview", title="Rows", description=_describe_encoding(asked.rules), rows=shown)
    try:
        save_page(html, page)
    except OSError as error:
        exit_with_error(f"{html}: cannot write: {error.strerror}", ExitCode.USAGE)
    print_stderr(f"{format_count(len(shown), 'row')} in {html}")


def _describe_encoding(rules: RowCheckSettings) -> str:
    template = f"chat template {rules.template.variant}"
    return f"{rules.model.id} · {template} · loss on {rules.train_on} · turns {rules.turns}"


def _can_colour() -> bool:
    return should_colour(sys.stdout) is None and sys.stdout.isatty()


def _preview_selection(selection: DataSelection, backend: str | None) -> Iterator[RowPreview]:
    """Each row, or why it can't be trained on."""
    from qwen_recipes.data.encoder import Encoder, LossRule
    from qwen_recipes.data.rows.row_reader import MissingReaderError
    from qwen_recipes.data.tokenizer import MissingTokenizerError, load_tokenizer

    rules = selection.rules
    try:
        tokenizer = load_tokenizer(rules.model)
        encoder = Encoder(tokenizer, get_template_text(rules.template), LossRule(rules.train_on, rules.thinking))
        yield from _preview_files(selection, encoder, f", as prepared for {backend}" if backend else "")
    except (MissingTokenizerError, MissingReaderError) as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)


def _preview_files(selection: DataSelection, encoder: Encoder, suffix: str) -> Iterator[RowPreview]:
    from qwen_recipes.data.first_rows import split_first_rows
    from qwen_recipes.data.parsed_row import parse_row
    from qwen_recipes.data.rows.row_reader import find_file_problem, read_raw_rows

    for rows in selection.files:
        wrong = find_file_problem(Path(rows.file), rows.encoding)
        if wrong:
            yield RowPreview(rows.file, problem=str(wrong))
            continue
        lines = 0
        for work in split_first_rows(Path(rows.file), rows.encoding, rows.most_rows):
            read: list[int] = [0]
            for record in read_raw_rows(work, read):
                name = f"{rows.file}:{lines + record.number}{suffix}"
                variant = selection.rules.template.variant
                facts = parse_row(record.row, rows.layout, dict(rows.columns), variant, None, rows.options)
                if record.problem or facts.normalized is None:
                    yield RowPreview(name, problem=record.problem or facts.problem)
                else:
                    yield from _preview_examples(name, facts.normalized, encoder, selection.rules)
            lines += read[-1]


def _preview_examples(name: str, row: Row, encoder: Encoder, rules: RowCheckSettings) -> Iterator[RowPreview]:
    """A row's examples, each with its number where `chat.turns: split` makes several."""
    from qwen_recipes.cli.data.token_preview import preview_row
    from qwen_recipes.data.rows.messages import BadRowError

    try:
        examples = rules.template.make_examples(row, rules.turns, rules.train_on)
    except BadRowError as error:
        yield RowPreview(name, problem=str(error))
        return
    for number, example in enumerate(examples, 1):
        part = f", example {number} of {len(examples)}" if len(examples) > 1 else ""
        yield from preview_row(name + part, example, encoder, rules.limit)
