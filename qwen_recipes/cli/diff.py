"""`recipes diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import (
    ExitCode,
    exit_with_error,
    format_option,
    load_backend_recipe,
)

if TYPE_CHECKING:
    from qwen_recipes.reports.run_diff import DifferenceSection


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "--backend", metavar="NAME", help="Framework to resolve recipes for. [default: each recipe's run.backend]"
)
@format_option("text", "json")
def command(first: str, second: str, backend: str | None, form: str) -> None:
    """Compare two recipes or two runs, value by value.

    A and B are recipes, compared after resolving all defaults, or output folders of runs, also compared by data,
    environment, machine and results. Exit code 0 whether or not they differ.
    """
    are_runs = [Path(one).is_dir() for one in (first, second)]
    if are_runs[0] != are_runs[1]:
        exit_with_error("cannot compare a recipe with a run: give two recipes or two output folders", ExitCode.USAGE)
    sections = _compare_runs(first, second) if all(are_runs) else _compare_recipes(first, second, backend)
    if form == "json":
        print_json({name: [one.__dict__ for one in found] for name, found in sections})
        return
    for name, found in sections:
        print_text(name)
        for one in found:
            print_text(f"  {one.format_line()}")
    if not sections:
        print_stderr("recipes: no differences")


def _compare_runs(first: str, second: str) -> list[DifferenceSection]:
    from qwen_recipes.reports.run_diff import compare_runs
    from qwen_recipes.runs.record import describe_missing_record, read_record

    records = []
    for folder in (first, second):
        if (record := read_record(Path(folder))) is None:
            exit_with_error(describe_missing_record(Path(folder)), ExitCode.USAGE)
        records.append(record)
    return compare_runs(*records)


def _compare_recipes(first: str, second: str, backend: str | None) -> list[DifferenceSection]:
    from qwen_recipes.reports.run_diff import compare_plans

    printed: set[str] = set()
    found = compare_plans(*(_resolve_values(file, backend, printed) for file in (first, second)))
    return [("recipe", found)] if found else []


def _resolve_values(file: str, name: str | None, printed: set[str]) -> dict[str, object]:
    from qwen_recipes.resolve.plan_table import list_plan_values

    recipe = load_backend_recipe(file, (), name, printed=printed)
    return {"backend": recipe.backend.name, **{row.field: row.value for row in list_plan_values(recipe.plan)}}
