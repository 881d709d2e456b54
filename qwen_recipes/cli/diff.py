"""`recipes diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, format_option, load_recipe, stop
from qwen_recipes.cli.report import say


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--backend", metavar="NAME", help="Framework to resolve recipes for; each one's own where left out.")
@format_option("text", "json")
def command(first: str, second: str, backend: str | None, form: str) -> None:
    """Say what differs between two recipes or two runs, value by value.

    A and B are recipes, compared as they are resolved, defaults included; or output folders of runs, compared also by
    data, environment, machine and result.
    """
    are_runs = [Path(one).is_dir() for one in (first, second)]
    if are_runs[0] != are_runs[1]:
        stop("a recipe and a run can't be compared: name two recipes, or two output folders", Exit.USAGE)
    sections = _runs(first, second) if all(are_runs) else _recipes(first, second, backend)
    if form == "json":
        click.echo(json.dumps({name: [one.__dict__ for one in found] for name, found in sections}, indent=2))
        return
    for name, found in sections:
        click.echo(name)
        for one in found:
            click.echo(f"  {one.words()}")
    if not sections:
        say("recipes: nothing differs")


def _runs(first: str, second: str) -> list[Any]:
    from qwen_recipes.launch.compare import runs
    from qwen_recipes.launch.record import read_record

    records = []
    for folder in (first, second):
        if (record := read_record(Path(folder))) is None:
            stop(f"{folder} has no record of a run that can be read (run.json)", Exit.USAGE)
        records.append(record)
    return runs(*records)


def _recipes(first: str, second: str, backend: str | None) -> list[Any]:
    from qwen_recipes.launch.compare import plans

    found = plans(*(_resolved(file, backend) for file in (first, second)))
    return [("recipe", found)] if found else []


def _resolved(file: str, name: str | None) -> dict[str, Any]:
    from qwen_recipes.backends import backends
    from qwen_recipes.resolve import resolve
    from qwen_recipes.resolve.table import table

    loaded = load_recipe(file, ())
    chosen = name or (loaded.recipe.run and loaded.recipe.run.backend)
    backend = backend_or_stop(chosen) if chosen else backends()[0]
    return {"backend": backend.name, **{row.field: row.value for row in table(resolve(loaded, backend))}}
