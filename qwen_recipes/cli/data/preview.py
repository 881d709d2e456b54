"""`recipes data preview`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from qwen_recipes.cli.common import Exit, set_option, stop
from qwen_recipes.cli.data.shown import Shown, as_html, as_text
from qwen_recipes.cli.data.sources import DEFAULT_MODEL, Asked, Options, asked_for, template_of
from qwen_recipes.cli.report import colour, counted, say
from qwen_recipes.data.layouts import ALL_LAYOUTS
from qwen_recipes.guards.rows.judge import Rules


@click.command("preview")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|RECIPE")
@click.option("--rows", type=click.IntRange(1), default=3, show_default=True, help="How many rows, from the first on.")
@click.option("--from-row", type=click.IntRange(1), default=1, show_default=True, help="The first row that is shown.")
@click.option("--backend", metavar="NAME", help="As this framework is told; the recipe's own where left out.")
@click.option("--model", metavar="MODEL", help=f"Whose tokenizer and template show files. [default: {DEFAULT_MODEL}]")
@click.option("--format-of", "layout", type=click.Choice(ALL_LAYOUTS), help="Layout of the files' rows.")
@click.option("--sequence-length", "limit", type=click.IntRange(1), help="Tokens that fit. [default: the recipe's]")
@click.option("--train-on", type=click.Choice(["assistant", "last-assistant", "all"]), help="Turns that carry loss.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page there instead.")
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
    html: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Show rows as the model sees them: control tokens and all, what is trained set off from what is masked.

    Trained tokens are green where there are colours, between brackets where there are none. Tokens behind the
    sequence length are struck out.
    """
    asked = asked_for(names, Options(model, layout, train_on, limit, backend, sets))
    shown = list(islice(_shown(asked, backend), from_row - 1, from_row - 1 + rows))
    if not shown:
        stop("there is no row to show", Exit.RECIPE)
    if html is None:
        click.echo(as_text(shown, coloured=_coloured()), color=colour(sys.stdout))
        return
    from qwen_recipes.data.rows.prepare import replace_file

    try:
        replace_file(html, as_html(shown, _about(asked.rules)))
    except OSError as error:
        stop(f"{html} can't be written: {error.strerror}", Exit.USAGE)
    say(f"{counted(len(shown), 'row')} in {html}")


def _about(rules: Rules) -> str:
    return f"{rules.model.id} · chat template {rules.template.variant} · loss on {rules.train_on}"


def _coloured() -> bool:
    return colour(sys.stdout) is None and sys.stdout.isatty()


def _shown(asked: Asked, backend: str | None) -> Iterator[Shown]:
    """Each row, or why it can't be trained on."""
    from qwen_recipes.data.labels import Encoder, Rule
    from qwen_recipes.data.reading import NoReader
    from qwen_recipes.data.tokenizer import NoTokenizer, load_tokenizer

    rules = asked.rules
    try:
        tokenizer = load_tokenizer(rules.model)
        encoder = Encoder(tokenizer, template_of(rules.template), Rule(rules.train_on, rules.thinking))
        yield from _encoded(asked, encoder, f", as {backend} is told" if backend else "")
    except (NoTokenizer, NoReader) as error:
        stop(str(error), Exit.ENVIRONMENT)


def _encoded(asked: Asked, encoder: object, told: str) -> Iterator[Shown]:
    from qwen_recipes.cli.data.shown import shown_rows
    from qwen_recipes.data.facts import read_facts
    from qwen_recipes.data.reading import records, trouble, works

    for rows in asked.files:
        wrong = trouble(Path(rows.file))
        if wrong:
            yield Shown(rows.file, problem=wrong.message)
            continue
        lines = 0
        for work in works(Path(rows.file)):
            read: list[int] = [0]
            for record in records(work, read):
                name = f"{rows.file}:{lines + record.number}{told}"
                facts = read_facts(record.row, rows.layout, dict(rows.columns), asked.rules.template.variant, None)
                if record.problem or facts.plain is None:
                    yield Shown(name, problem=record.problem or facts.problem)
                else:
                    yield from shown_rows(name, facts.plain, encoder, asked.rules.limit)
            lines += read[-1]
