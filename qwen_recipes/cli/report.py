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
    help="Page to write; - is standard output.",
)  # fmt: skip
def command(folders: tuple[Path, ...], output: Path) -> None:
    """Write an HTML report about one or more runs.

    DIR is a run's output folder. The page shows loss curves, estimated and measured memory and time, and how the runs
    differ. It is a single file without scripts and opens offline.
    """
    from qwen_recipes.filesystem.replace_file import replace_file
    from qwen_recipes.reports.html_report import render_run_report
    from qwen_recipes.runs.record import read_record

    records = []
    for folder in folders:
        if (record := read_record(folder)) is None:
            exit_with_error(f"{folder} has no readable run record (run.json)", ExitCode.USAGE)
        record.output = str(folder.resolve())
        records.append(record)
    text = render_run_report(records)
    if str(output) == "-":
        print_machine(text, nl=False)
        return
    try:
        replace_file(output, text, create_folder=False)
    except OSError as error:
        exit_with_error(f"{output}: cannot write: {error.strerror}", ExitCode.USAGE)
    print_stderr(f"{output}: {len(records)} run{'s' if len(records) > 1 else ''}")
