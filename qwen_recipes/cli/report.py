"""`recipes report`."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_recipes.cli.console import print_machine, print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


@click.command("report")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True, metavar="FILE",
    help="The page; - is standard output.",
)  # fmt: skip
def command(folders: tuple[Path, ...], output: Path) -> None:
    """Write a page about one run or several: curves, planned and measured, what differs.

    DIR is a run's output folder. The page is one file, opens offline, and runs no script.
    """
    from qwen_recipes.filesystem.replace_file import replace_file
    from qwen_recipes.reports.html_report import render_run_report
    from qwen_recipes.runs.record import read_record

    records = []
    for folder in folders:
        if (record := read_record(folder)) is None:
            exit_with_error(f"{folder} has no record of a run that can be read (run.json)", ExitCode.USAGE)
        record.output = str(folder.resolve())
        records.append(record)
    text = render_run_report(records)
    if str(output) == "-":
        print_machine(text, nl=False)
        return
    try:
        replace_file(output, text, create_folder=False)
    except OSError as error:
        exit_with_error(f"{output} can't be written: {error.strerror}", ExitCode.USAGE)
    print_stderr(f"{output}: {len(records)} run{'s' if len(records) > 1 else ''}")
