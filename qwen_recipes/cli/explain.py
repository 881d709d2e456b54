"""`recipes explain`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import Exit, stop


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print a guard's page; without CODE, list all guards."""
    from qwen_recipes.guards import guard_named, guards

    if code is None:
        for guard in guards():
            click.echo(f"{guard.code}  {guard.severity:<8}  {guard.title}")
        return
    try:
        guard = guard_named(code)
    except KeyError:
        stop(f"no guard is called {code}; `recipes explain` lists them", Exit.USAGE)
    click.echo(f"{guard.code} ({guard.name}), {guard.severity}, confidence {guard.confidence}\n")
    click.echo(guard.docstring.strip())
