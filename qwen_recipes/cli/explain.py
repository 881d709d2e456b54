"""`recipes explain`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_text
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error

MAX_SUGGESTIONS = 10


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Explain a guard: what it finds, why it matters, and how to fix it.

    CODE is a guard's code, e.g. QR301. Without it, all guards are listed.
    """
    from qwen_recipes.cli.root import COMMANDS
    from qwen_recipes.guards import load_guard, load_guards

    if code is None:
        for guard in load_guards():
            print_text(f"{guard.code}  {guard.severity:<8}  {guard.title}")
        return
    try:
        guard = load_guard(code)
    except KeyError:
        if code.lower() in COMMANDS:
            exit_with_error(f"{code} is a command, not a guard; recipes {code.lower()} --help", ExitCode.USAGE)
        exit_with_error(f"unknown guard {code}; {_suggest_guards(code)}", ExitCode.USAGE)
    print_text(f"{guard.code} ({guard.name}), {guard.severity}, confidence {guard.confidence}\n")
    print_text(guard.docstring.strip().replace("\nInstead:\n", "\nHow to fix:\n"))


def _suggest_guards(code: str) -> str:
    """Guards whose code begins with `code`, `QR` or not, or whose title has that word, else where all are listed."""
    from qwen_recipes.guards import load_guards

    number = code.lower().removeprefix("qr").lstrip("-_ ")
    asked = f"qr{number}" if number.isdecimal() else code.lower()
    found = [g for g in load_guards() if g.code.lower().startswith(asked) or asked in g.title.lower()]
    if not found:
        return "`recipes explain` lists all guards"
    return "\n".join(["similar:", *(f"{guard.code}  {guard.title}" for guard in found[:MAX_SUGGESTIONS])])
