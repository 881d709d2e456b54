"""`recipes show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import (
    BACKEND_HELP,
    backend_version_option,
    format_option,
    load_backend_recipe,
    set_option,
)

if TYPE_CHECKING:
    from qwen_recipes.backends import Backend
    from qwen_recipes.backends.plan import Plan


@click.command("show")
@click.argument("file")
@click.option("--resolved", is_flag=True, help="Print every value that applies to the recipe, with its reason.")
@click.option("--all", "show_all", is_flag=True, help="With --resolved, also values that do not apply or are unset.")
@click.option("--backend", metavar="NAME", help=BACKEND_HELP)
@backend_version_option
@set_option
@format_option("text", "json")
def command(
    file: str,
    resolved: bool,
    show_all: bool,
    backend: str | None,
    version: str | None,
    sets: tuple[str, ...],
    form: str,
) -> None:
    """Print a recipe as it was read, or resolved for a framework.

    Without --resolved, the recipe is printed in its long form, with `extends` and --set applied. With --resolved, each
    value is printed with the reason for it: the recipe, a default, the model or the hardware.

    Example: recipes show --resolved support.recipe.yaml
    """
    if not resolved:
        from qwen_recipes.recipe.load import load_recipe

        _print_recipe(load_recipe(file, sets).recipe.model_dump(exclude_none=True, exclude={"extends"}), form)
        return
    recipe = load_backend_recipe(file, sets, backend, version)
    _print_plan(recipe.plan, recipe.backend, show_all, form)


def _print_recipe(data: dict[str, object], form: str) -> None:
    if form == "json":
        print_json(data)
    else:
        print_text(_dump_yaml(data))


def _print_plan(plan: Plan, backend: Backend, show_all: bool, form: str) -> None:
    from qwen_recipes.cli.plan_values_text import format_plan_values
    from qwen_recipes.resolve.applicable_values import list_applicable_values
    from qwen_recipes.resolve.plan_table import list_plan_values

    every = list_plan_values(plan)
    if form == "json":
        print_json([{"field": r.field, "value": r.value, "origin": r.origin, "reason": r.reason} for r in every])
        return
    shown = every if show_all else list_applicable_values(plan)
    print_text(format_plan_values(shown))
    if len(shown) < len(every):
        print_stderr(f"recipes: {len(every) - len(shown)} values do not apply to this recipe; --all prints them")


def _dump_yaml(data: object) -> str:
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text.rstrip()
