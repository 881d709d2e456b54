"""`recipes data check`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.data.selection import DataOptions, DataSelection, select_data
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, set_option
from qwen_recipes.data.detect_format import ROW_FORMATS
from qwen_recipes.qwen.registry import DEFAULT_MODEL


@click.command("check")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|RECIPE")
@click.option("--model", metavar="MODEL", help=f"Whose tokenizer and template judge files. [default: {DEFAULT_MODEL}]")
@click.option("--format-of", "layout", type=click.Choice(ROW_FORMATS), help="Layout of the files' rows.")
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
    asked = select_data(names, DataOptions(model, layout, train_on, limit, None, sets, validation))
    off = frozenset(code.strip().upper() for codes in ignore for code in codes.split(","))
    asked = replace(asked, rules=replace(asked.rules, allowed_codes=asked.rules.allowed_codes | off))
    for name in dict.fromkeys(asked.skipped):
        print_stderr(f"recipes: {name} is on the hub and was not checked: download it and check the files")
    if not asked.files:
        exit_with_error("there are no files of rows to check", ExitCode.USAGE)
    summary = _check_selection(asked, jobs, quiet)
    if html:
        from qwen_recipes.filesystem.replace_file import replace_file
        from qwen_recipes.reports.check_report import render_check_report

        try:
            replace_file(html, render_check_report(summary), create_folder=False)
        except OSError as error:
            exit_with_error(f"{html} can't be written: {error.strerror}", ExitCode.USAGE)
    _print_summary(summary, form)
    sys.exit(
        ExitCode.INVALID_INPUT
        if any(found["severity"] == "error" for found in summary["findings"])
        else ExitCode.SUCCESS
    )


def _check_selection(selection: DataSelection, jobs: int | None, quiet: bool) -> dict[str, Any]:
    from concurrent.futures import BrokenExecutor

    from qwen_recipes.data.rows.row_reader import MissingReaderError
    from qwen_recipes.data.tokenizer import MissingTokenizerError
    from qwen_recipes.guards.rows.parallel_check import check_rows
    from qwen_recipes.guards.rows.summary import summarize_check

    try:
        with show_progress_bar(selection, quiet) as told:
            checked = check_rows(selection.files, selection.rules, jobs, told)
    except (MissingTokenizerError, MissingReaderError) as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except BrokenExecutor:
        exit_with_error(
            "a process that judged rows was ended from outside, by the kernel for want of memory?", ExitCode.ENVIRONMENT
        )
    except OSError as error:
        exit_with_error(f"{error.filename} can't be read: {error.strerror}", ExitCode.USAGE)
    return summarize_check(checked, selection.overlong)


@contextmanager
def show_progress_bar(selection: DataSelection, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error while a person looks on."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    size = sum(Path(rows.file).stat().st_size for rows in selection.files)
    with click.progressbar(length=size, label="rows", file=sys.stderr) as bar:
        yield bar.update


def _print_summary(summary: dict[str, Any], form: str) -> None:
    if form == "json":
        print_json(summary)
    else:
        from qwen_recipes.cli.data.check_text import format_check_summary

        print_text(format_check_summary(summary))
