"""`recipes status`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.common import Exit, format_option, stop
from qwen_recipes.cli.report import say

if TYPE_CHECKING:
    from qwen_recipes.launch.overview import Summary


@click.command("status")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@format_option("text", "json")
def command(folder: Path, form: str) -> None:
    """Show every run below a folder: its state, where it stands, its loss, and the time left.

    Works from another shell, and on a shared disk. DIR is the folder where one is; [default: the current one]
    """
    from dataclasses import asdict

    from qwen_recipes.launch.overview import runs

    if not folder.is_dir():
        stop(f"{folder} is not a folder", Exit.USAGE)
    found = runs(folder)
    if form == "json":
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    elif found:
        _print([_cells(one, folder) for one in found])
        _say_what_is_damaged(found)
    else:
        say(f"recipes: no run in {folder} or below it")


def _say_what_is_damaged(found: list[Summary]) -> None:
    for one in found:
        if one.state == "damaged":
            say(f"recipes: {one.folder}/run.json can't be read; `recipes run --resume` goes on without it")


def _print(rows: list[list[str]]) -> None:
    head = ["run", "state", "framework", "step", "loss", "", "took", "left"]
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    click.echo(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        )
    )


def _cells(one: Summary, root: Path) -> list[str]:
    from qwen_recipes.launch.display import duration
    from qwen_recipes.launch.points import sparkline

    step = "" if one.step is None else f"{one.step}/{one.planned}" if one.planned else str(one.step)
    return [
        one.folder.removeprefix(f"{root}/") if one.folder != str(root) else one.name,
        one.state,
        one.backend,
        step,
        "" if one.loss is None else f"{one.loss:.4g}",
        sparkline(one.losses),
        "" if one.seconds is None else duration(one.seconds),
        "" if one.left is None else duration(one.left),
    ]
