"""`recipes data check`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.data.hub_rows import HubOptions, add_hub_options
from qwen_recipes.cli.data.reading_options import layout_option, length_option, model_option, turns_option
from qwen_recipes.cli.data.selection import DataOptions, DataSelection, list_stages, select_data
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option, set_option
from qwen_recipes.cli.progress import show_bytes_read


@click.command("check")
@click.argument("names", nargs=-1, required=True, metavar="FILE...|ID|RECIPE")
@model_option
@layout_option
@click.option("--validation", multiple=True, metavar="FILE", help="Validation data, checked for leakage. Repeatable.")
@length_option
@turns_option
@add_hub_options
@click.option("--all", "complete", is_flag=True, help="Check all rows of data sets on the hub. [default: a sample]")
@click.option("--ignore", multiple=True, metavar="CODES", help="Do not report these guards, e.g. QR515. Repeatable.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write an HTML report with plots.",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Number of processes. [default: one per core]")
@set_option
@format_option("text", "json")
@click.option("-q", "--quiet", is_flag=True, help="Print no progress.")
def command(
    names: tuple[str, ...],
    model: str | None,
    layout: str | None,
    validation: tuple[str, ...],
    limit: int | None,
    train_on: str | None,
    subset: str | None,
    split: str | None,
    revision: str | None,
    complete: bool,
    ignore: tuple[str, ...],
    html: Path | None,
    jobs: int | None,
    sets: tuple[str, ...],
    form: str,
    quiet: bool,
) -> None:
    """Check data with every data guard (QR5xx), using the model's own tokenizer and chat template.

    Reports invalid examples, lengths in tokens, examples that are too long, duplicates, and examples in both training
    and validation data. Memory use does not depend on the size of the files. If ID is a data set on the hub, only a
    sample is checked. Exit code 1 if an example or a file has an error.

    Example: recipes data check data/support.jsonl
    """
    off = frozenset(code.strip().upper() for codes in ignore for code in codes.split(","))
    hub = HubOptions(subset, split, revision, complete)
    options = DataOptions(model, layout, train_on, limit, None, sets, validation, hub=hub)
    summaries = {
        stage: _check_stage(names, replace(options, stage=stage), off, jobs, quiet)
        for stage in list_stages(names, sets)
    }
    if html:
        _write_report(html, summaries)
    _print_summaries(summaries, form)
    found = [finding for summary in summaries.values() for finding in summary["findings"]]
    sys.exit(ExitCode.INVALID_INPUT if any(one["severity"] == "error" for one in found) else ExitCode.SUCCESS)


def _check_stage(
    names: tuple[str, ...], options: DataOptions, ignored: frozenset[str], jobs: int | None, quiet: bool
) -> dict[str, Any]:
    asked = select_data(names, options)
    asked = replace(asked, rules=replace(asked.rules, allowed_codes=asked.rules.allowed_codes | ignored))
    if not asked.files:
        exit_with_error("no data files to check", ExitCode.USAGE)
    _print_wrong_names(asked)
    return _check_selection(asked, jobs, quiet)


def _print_wrong_names(selection: DataSelection) -> None:
    """Say which files hold another format than their names say."""
    from qwen_recipes.data.unusable_files import explain_wrong_name

    said = [(rows.file, explain_wrong_name(Path(rows.file), rows.encoding)) for rows in selection.files]
    wrong = [f"{file} {why}" for file, why in said if why]
    if wrong:
        more = f" ({len(wrong)} of {len(said):,} files)" if len(wrong) > 1 else ""
        print_stderr(f"recipes: {wrong[0]}{more}")


def _write_report(html: Path, summaries: dict[str, dict[str, object]]) -> None:
    from qwen_recipes.reports.check_report import render_check_report
    from qwen_recipes.reports.save_page import save_page

    if len(summaries) > 1:
        exit_with_error("--html takes one stage: add --stage NAME", ExitCode.USAGE)
    try:
        save_page(html, render_check_report(next(iter(summaries.values()))))
    except OSError as error:
        exit_with_error(f"{html}: cannot write: {error.strerror}", ExitCode.USAGE)


def _check_selection(selection: DataSelection, jobs: int | None, quiet: bool) -> dict[str, Any]:
    from concurrent.futures import BrokenExecutor

    from qwen_recipes.data.rows.row_reader import MissingReaderError
    from qwen_recipes.data.tokenizer import MissingTokenizerError
    from qwen_recipes.guards.rows.parallel_check import check_rows
    from qwen_recipes.guards.rows.summary import summarize_check

    try:
        with show_bytes_read((rows.file for rows in selection.files), quiet=quiet) as add:
            checked = check_rows(selection.files, selection.rules, jobs, add)
    except (MissingTokenizerError, MissingReaderError) as error:
        exit_with_error(str(error), ExitCode.ENVIRONMENT)
    except BrokenExecutor:
        exit_with_error(
            "a checking process was killed, probably because the machine ran out of memory; use fewer --jobs",
            ExitCode.ENVIRONMENT,
        )
    except OSError as error:
        exit_with_error(f"{error.filename}: cannot read: {error.strerror}", ExitCode.USAGE)
    return summarize_check(checked, selection.overlong)


def _print_summaries(summaries: dict[str, dict[str, object]], form: str) -> None:
    """The summary; of several stages, each under its name."""
    if form == "json":
        print_json(summaries if len(summaries) > 1 else next(iter(summaries.values())))
        return
    from qwen_recipes.cli.data.check_text import format_check_summary

    for number, (stage, summary) in enumerate(summaries.items()):
        if len(summaries) > 1:
            print_text(f"{chr(10) if number else ''}stage {stage}")
        print_text(format_check_summary(summary))
