"""What commands share: options, loading with its errors, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

import click

from qwen_recipes.cli.report import REPORTERS, say, text
from qwen_recipes.recipe.finding import Finding, RecipeError

Function = TypeVar("Function", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes; an interface."""

    GOOD = 0
    RECIPE = 1
    USAGE = 2
    DOES_NOT_FIT = 3
    ENVIRONMENT = 4
    RUN = 5
    INTERRUPTED = 130


def set_option(function: Function) -> Function:
    """`--set field=value`."""
    help_text = "Override a field, as in training.epochs=1. May be repeated."
    return click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help=help_text)(function)


def format_option(*formats: str) -> Callable[[Function], Function]:
    """`--format`, one of the given."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default="text", show_default=True, help="Form of the output."
    )


def stop(message: str, code: Exit) -> NoReturn:
    """Say why on standard error and end with this code."""
    say(f"recipes: {message}")
    sys.exit(code)


def load_recipe(file: str, sets: tuple[str, ...], form: str = "text") -> Any:
    """The recipe, or its problems printed and exit 1; a file that can't be read exits 2."""
    from qwen_recipes.recipe.load import CannotRead, load
    from qwen_recipes.recipe.overrides import BadOverride

    try:
        return load(file, sets)
    except CannotRead as error:
        stop(str(error), Exit.USAGE)
    except BadOverride as error:
        stop(error.findings[0].message, Exit.USAGE)
    except RecipeError as error:
        refuse(error.findings, form)


def say_unknown(model: Any, named: bool = False) -> None:
    """Warn of a model folder's own tokenizer and template where they are none of Qwen's; linting has QR318 for it.

    Not of the template where the recipe names one.
    """
    from qwen_recipes.qwen.models import unknown_template, unknown_tokenizer

    for warning in filter(None, (unknown_tokenizer(model), None if named else unknown_template(model))):
        say(f"recipes: {warning}")


def version_option(function: Function) -> Function:
    """`--backend-version`."""
    help_text = "Released version of the framework, as 0.16.1 or axolotl==0.16.1; the newest known where left out."
    return click.option("--backend-version", "version", metavar="VERSION", help=help_text)(function)


def backend_or_stop(name: str, version: str | None = None) -> Any:
    """The backend of that name, at that version, or exit 2."""
    from qwen_recipes.backends import UnknownBackend, backend_at

    try:
        return backend_at(name, version)
    except UnknownBackend as error:
        stop(str(error.args[0]), Exit.USAGE)


def refuse(findings: list[Finding], form: str = "text") -> NoReturn:
    """Print findings and exit 1: on standard output where a machine asked, else on standard error."""
    if form == "text":
        say(text(findings))
        say(summary(findings))
    else:
        click.echo(REPORTERS[form](findings, ()))
    sys.exit(Exit.RECIPE)


def summary(findings: list[Finding]) -> str:
    """`2 errors, 1 warning`."""
    counts = [(sum(f.severity == s for f in findings), s) for s in ("error", "warning", "advice")]
    said = [f"{count} {name}{'s' if count > 1 and name != 'advice' else ''}" for count, name in counts if count]
    return ", ".join(said) or "nothing found"
