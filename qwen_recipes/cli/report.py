"""`recipes report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_machine, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

if TYPE_CHECKING:
    from qwen_recipes.runs.sweep_record import SweepRecord


@click.command("report")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, metavar="FILE",
    help="Page to write; - is standard output.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["html", "text", "json", "csv"]), default="html", show_default=True,
    help="For a sweep: a page, or the table of its trials on standard output.",
)  # fmt: skip
def command(folders: tuple[Path, ...], output: Path, form: str) -> None:
    """Write an HTML report about one or more runs, or about a sweep.

    DIR is a run's output folder, or a sweep's. The page shows loss curves, estimated and measured memory and time, and
    how the runs differ; for a sweep, its trials by rank, their curves, and each parameter against the result. It is a
    single file without scripts and opens offline.
    """
    from qwen_recipes.runs.sweep_record import read_sweep_record

    if len(folders) == 1 and (sweep := read_sweep_record(folders[0])) is not None:
        _report_sweep(sweep, output, form)
        return
    if form != "html":
        exit_with_error(f"--format {form} is for one sweep: {folders[0]} has no sweep.json", ExitCode.USAGE)
    from qwen_recipes.reports.html_report import render_run_report
    from qwen_recipes.runs.record import describe_missing_record, read_record

    records = []
    for folder in folders:
        if (record := read_record(folder)) is None:
            exit_with_error(describe_missing_record(folder), ExitCode.USAGE)
        record.output = str(folder.resolve())
        records.append(record)
    _write_page(render_run_report(records), output, f"{len(records)} run{'s' if len(records) > 1 else ''}")


def _report_sweep(sweep: SweepRecord, output: Path, form: str) -> None:
    from qwen_recipes.reports.sweep_report import render_sweep_report
    from qwen_recipes.reports.sweep_table import format_sweep_csv, format_sweep_table, sweep_as_json

    if form == "html":
        _write_page(render_sweep_report(sweep), output, f"{len(sweep.trials)} trials")
    elif form == "json":
        print_json(sweep_as_json(sweep))
    elif form == "csv":
        print_machine(format_sweep_csv(sweep), nl=False)
    else:
        print_text(format_sweep_table(sweep))


def _write_page(text: str, output: Path, about: str) -> None:
    from qwen_recipes.reports.save_page import save_page

    if str(output) == "-":
        print_machine(text, nl=False)
        return
    try:
        save_page(output, text)
    except OSError as error:
        exit_with_error(f"{output}: cannot write: {error.strerror}", ExitCode.USAGE)
    print_stderr(f"{output}: {about}")
