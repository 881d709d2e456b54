"""`recipes explain`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print a guard's page; without CODE, list all guards."""
    from qwen_recipes.guards import load_guard, load_guards

    if code is None:
        for guard in load_guards():
            print_text(f"{guard.code}  {guard.severity:<8}  {guard.title}")
        return
    try:
        guard = load_guard(code)
    except KeyError:
        exit_with_error(f"no guard is called {code}; `recipes explain` lists them", ExitCode.USAGE)
    print_text(f"{guard.code} ({guard.name}), {guard.severity}, confidence {guard.confidence}\n")
    print_text(guard.docstring.strip())
