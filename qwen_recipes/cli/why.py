"""`recipes why`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from qwen_recipes.cli.common import Exit, format_option, stop
from qwen_recipes.cli.report import say


@click.command("why")
@click.argument("log", metavar="LOG|DIR")
@format_option("text", "json")
def command(log: str, form: str) -> None:
    """Say what a failed run's log comes down to, and what would have prevented it.

    LOG is what a framework printed, - is standard input; DIR is a run's output folder. Exits 1 where nothing in it is
    known.
    """
    from qwen_recipes.launch.why import explain, explain_log

    found = explain(sys.stdin.read().splitlines()) if log == "-" else explain_log(_log(Path(log)))
    if form == "json":
        click.echo(json.dumps([_as_dict(one) for one in found], indent=2))
    else:
        for one in found:
            click.echo(_text(one))
    if not found:
        say("recipes: nothing in it is known; its last lines are the framework's own")
        sys.exit(Exit.RECIPE)


def _log(path: Path) -> Path:
    from qwen_recipes.launch.record import LOG

    file = path / LOG if path.is_dir() else path
    if not file.is_file():
        stop(f"{file} is not there", Exit.USAGE)
    return file


def say_causes(log: Path) -> str | None:
    """After a failed run: the first cause and its name; None where none is known."""
    from qwen_recipes.launch.why import explain_log

    found = explain_log(log)[:1]
    for one in found:
        say(_text(one))
    return found[0].cause.name if found else None


def _text(found: Any) -> str:
    cause = found.cause
    guard = f"\n  guard    {cause.guard}: `recipes explain {cause.guard}`" if cause.guard else ""
    return f"{cause.name}: {cause.means}\n  line     {found.line[:200]}{guard}\n  instead  {cause.fix}"


def _as_dict(found: Any) -> dict[str, Any]:
    cause = found.cause
    return {"cause": cause.name, "means": cause.means, "guard": cause.guard, "fix": cause.fix, "line": found.line}
