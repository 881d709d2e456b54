"""`recipes data check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, format_option, set_option, stop
from qwen_recipes.cli.data.sources import DEFAULT_MODEL, Asked, Options, asked_for
from qwen_recipes.cli.report import colour, say
from qwen_recipes.data.layouts import ALL_LAYOUTS


@click.command("check")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|RECIPE")
@click.option("--model", metavar="MODEL", help=f"Whose tokenizer and template judge files. [default: {DEFAULT_MODEL}]")
@click.option("--format-of", "layout", type=click.Choice(ALL_LAYOUTS), help="Layout of the files' rows.")
@click.option("--validation", multiple=True, metavar="FILE", help="Rows to validate on, looked for among the others.")
@click.option("--sequence-length", "limit", type=click.IntRange(1), help="Tokens that fit. [default: the recipe's]")
@click.option("--train-on", type=click.Choice(["assistant", "last-assistant", "all"]), help="Turns that carry loss.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Guards that are not looked for, as QR515.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a report with plots there.")
@click.option("--jobs", type=click.IntRange(1), help="Processes. [default: one a core]")
@set_option
@format_option("text", "json")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(
    names: tuple[str, ...],
    model: str | None,
    layout: str | None,
    validation: tuple[str, ...],
    limit: int | None,
    train_on: str | None,
    ignore: tuple[str, ...],
    html: Path | None,
    jobs: int | None,
    sets: tuple[str, ...],
    form: str,
    quiet: bool,
) -> None:
    """Judge rows by every guard of the data (QR5xx), with the model's own tokenizer and chat template.

    Tells how many rows break which rule and shows a few, how long rows are and what does not fit, what repeats, and
    what is in both training and validation rows. Files are read in a stream: memory does not grow with them. Exits 1
    where a row or a file has an error.
    """
    asked = asked_for(names, Options(model, layout, train_on, limit, None, sets, validation))
    off = frozenset(code.strip().upper() for codes in ignore for code in codes.split(","))
    asked = replace(asked, rules=replace(asked.rules, off=asked.rules.off | off))
    for name in dict.fromkeys(asked.skipped):
        say(f"recipes: {name} is on the hub and was not checked: download it and check the files")
    if not asked.files:
        stop("there are no files of rows to check", Exit.USAGE)
    summary = _summary(asked, jobs, quiet)
    if html:
        from qwen_recipes.cli.data.page import page
        from qwen_recipes.data.rows.prepare import replace_file

        try:
            replace_file(html, page(summary))
        except OSError as error:
            stop(f"{html} can't be written: {error.strerror}", Exit.USAGE)
    _print(summary, form)
    sys.exit(Exit.RECIPE if any(found["severity"] == "error" for found in summary["findings"]) else Exit.GOOD)


def _summary(asked: Asked, jobs: int | None, quiet: bool) -> dict[str, Any]:
    from concurrent.futures import BrokenExecutor

    from qwen_recipes.data.reading import NoReader
    from qwen_recipes.data.tokenizer import NoTokenizer
    from qwen_recipes.guards.rows.check import check_rows
    from qwen_recipes.guards.rows.summary import summary

    try:
        with progress(asked, quiet) as told:
            checked = check_rows(asked.files, asked.rules, jobs, told)
    except (NoTokenizer, NoReader) as error:
        stop(str(error), Exit.ENVIRONMENT)
    except BrokenExecutor:
        stop("a process that judged rows was ended from outside, by the kernel for want of memory?", Exit.ENVIRONMENT)
    except OSError as error:
        stop(f"{error.filename} can't be read: {error.strerror}", Exit.USAGE)
    return summary(checked, asked.overlong)


@contextmanager
def progress(asked: Asked, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error while a person looks on."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    size = sum(Path(rows.file).stat().st_size for rows in asked.files)
    with click.progressbar(length=size, label="rows", file=sys.stderr) as bar:
        yield bar.update


def _print(summary: dict[str, Any], form: str) -> None:
    if form == "json":
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        from qwen_recipes.cli.data.text import report

        click.echo(report(summary), color=colour(sys.stdout))
