"""`recipes lint`."""

from __future__ import annotations

import sys

import click

from qwen_recipes.cli.common import Exit, backend_or_stop, format_option, set_option, stop, summary
from qwen_recipes.cli.report import REPORTERS, say
from qwen_recipes.recipe.finding import Finding, RecipeError


@click.command("lint")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--backend", metavar="NAME", help="Judge for one framework instead of the recipe's own, or all.")
@set_option
@format_option("text", "json")
@click.option("-q", "--quiet", is_flag=True, help="Errors only.")
def command(files: tuple[str, ...], backend: str | None, sets: tuple[str, ...], form: str, quiet: bool) -> None:
    """Check recipes: spelling, types, and what is known to go wrong.

    FILE may be `-` for standard input. Every problem of a file is listed at once. Exits 1 where there is an error.
    """
    if backend:
        backend_or_stop(backend)
    findings = [finding for file in files for finding in _lint(file, backend, sets)]
    shown = [f for f in findings if f.severity == "error"] if quiet else findings
    if shown or form != "text":
        click.echo(REPORTERS[form](shown))
    say(f"{len(files)} file{'s' if len(files) > 1 else ''}: {summary(shown)}")
    sys.exit(Exit.RECIPE if any(f.severity == "error" for f in findings) else Exit.GOOD)


def _lint(file: str, backend: str | None, sets: tuple[str, ...]) -> list[Finding]:
    from qwen_recipes.recipe.load import CannotRead, load

    try:
        return judge_recipe(load(file, sets), backend)
    except CannotRead as error:
        stop(str(error), Exit.USAGE)
    except RecipeError as error:
        return error.findings


def judge_recipe(loaded: object, backend: str | None) -> list[Finding]:
    """What the guards say of a recipe for its backend, or for all where it names none; each finding once."""
    from qwen_recipes.backends import backend_named, backends
    from qwen_recipes.guards import judge
    from qwen_recipes.recipe.load import Loaded
    from qwen_recipes.resolve import resolve

    assert isinstance(loaded, Loaded)
    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None)
    found: dict[tuple[object, ...], Finding] = {}
    for one in [backend_named(name)] if name else backends():
        for finding in judge(resolve(loaded, one), loaded, one):
            found.setdefault((finding.code, finding.route, finding.message), finding)
    return sorted(found.values(), key=lambda f: (f.span.line if f.span else 0, f.code))
