"""`recipes status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error, format_option
from qwen_recipes.cli.tables import print_table

if TYPE_CHECKING:
    from qwen_recipes.reports.run_table import RunSummary


@click.command("status")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@format_option("text", "json")
def command(folder: Path, form: str) -> None:
    """List the runs below a folder with state, step, loss and time left, and stages of pipelines.

    Works while runs are active, also from another machine on a shared disk. [default: the current folder]
    """
    from dataclasses import asdict

    from qwen_recipes.reports.run_table import list_runs_and_stages

    if not folder.is_dir():
        exit_with_error(f"{folder} does not exist or is not a folder", ExitCode.USAGE)
    found = list_runs_and_stages(folder)
    if form == "json":
        print_json([asdict(one) for one in found])
    elif found:
        head = ("run", "state", "framework", "step", "loss", "", "elapsed", "left")
        print_table(head, [_format_cells(one, folder) for one in found])
        _warn_damaged_records(found)
    if not found:
        exit_with_error(f"no run in {folder} or below it", ExitCode.USAGE)


def _warn_damaged_records(summaries: list[RunSummary]) -> None:
    for one in summaries:
        if one.state == "damaged":
            print_stderr(f"recipes: {one.folder}/run.json is damaged; `recipes run --resume` works without it")


def _format_cells(summary: RunSummary, root: Path) -> list[str]:
    from qwen_recipes.runs.metrics import draw_sparkline
    from qwen_recipes.runs.progress_bar import format_duration

    step = "" if summary.step is None else f"{summary.step}/{summary.planned}" if summary.planned else str(summary.step)
    return [
        summary.folder.removeprefix(f"{root}/") if summary.folder != str(root) else summary.name,
        summary.state,
        summary.backend,
        step,
        "" if summary.loss is None else f"{summary.loss:.4g}",
        draw_sparkline(summary.losses),
        "" if summary.seconds is None else format_duration(summary.seconds),
        "" if summary.left is None else format_duration(summary.left),
    ]
