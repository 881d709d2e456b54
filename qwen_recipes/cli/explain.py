"""`recipes explain`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Explain a guard: what it finds, why it matters, and how to fix it.

    CODE is a guard's code, e.g. QR301. Without it, all guards are listed.
    """
    from qwen_recipes.guards import load_guard, load_guards

    if code is None:
        for guard in load_guards():
            print_text(f"{guard.code}  {guard.severity:<8}  {guard.title}")
        return
    try:
        guard = load_guard(code)
    except KeyError:
        exit_with_error(f"unknown guard {code}; `recipes explain` lists all guards", ExitCode.USAGE)
    print_text(f"{guard.code} ({guard.name}), {guard.severity}, confidence {guard.confidence}\n")
    print_text(guard.docstring.strip())
