"""`recipes show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from qwen_recipes.cli.console import print_json, print_stderr, print_text
from qwen_recipes.cli.options_and_exits import (
    BACKEND_HELP,
    backend_version_option,
    choose_backends_or_exit,
    format_option,
    get_asked_stage,
    set_option,
)

if TYPE_CHECKING:
    from qwen_recipes.backends.plan import Plan
    from qwen_recipes.recipe.load import LoadedRecipe


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
    recipes = _load_recipes(file, sets)
    if not resolved:
        _print_recipes(recipes, form)
        return
    printed: set[str] = set()
    chosen = {
        part: choose_backends_or_exit(one, backend, version, stage=one.stage, printed=printed)[0]
        for part, one in recipes.items()
    }
    if form == "json" and "" not in chosen:
        print_json({stage: _list_plan_rows(one.plan) for stage, one in chosen.items()})
        return
    for number, (stage, one) in enumerate(chosen.items()):
        if stage:
            print_text(f"{chr(10) if number else ''}{one.loaded.part_label}")
        _print_plan(one.plan, show_all, form)


def _load_recipes(file: str, sets: tuple[str, ...]) -> dict[str, LoadedRecipe]:
    """The recipe of each stage that trains, by its name; of a recipe without stages, that one, named by nothing."""
    from qwen_recipes.recipe.file_content import load_recipes

    return {one.part: one for one in load_recipes(file, sets, get_asked_stage())}


def _print_recipes(recipes: dict[str, LoadedRecipe], form: str) -> None:
    dumped = {stage: one.recipe.model_dump(exclude_none=True, exclude={"extends"}) for stage, one in recipes.items()}
    if form == "json":
        print_json(dumped.get("", dumped))
        return
    for number, (stage, data) in enumerate(dumped.items()):
        if stage and len(dumped) > 1:
            print_text(f"{'---' + chr(10) if number else ''}# {recipes[stage].part_label}")
        print_text(_dump_yaml(data))


def _list_plan_rows(plan: Plan) -> list[dict[str, object]]:
    from qwen_recipes.resolve.plan_table import list_plan_values

    return [
        {"field": r.field, "value": r.value, "origin": r.origin, "reason": r.reason} for r in list_plan_values(plan)
    ]


def _print_plan(plan: Plan, show_all: bool, form: str) -> None:
    from qwen_recipes.cli.plan_values_text import format_plan_values
    from qwen_recipes.resolve.applicable_values import list_applicable_values
    from qwen_recipes.resolve.plan_table import list_plan_values

    every = list_plan_values(plan)
    if form == "json":
        print_json(_list_plan_rows(plan))
        return
    shown = every if show_all else list_applicable_values(plan)
    print_text(format_plan_values(shown))
    if len(shown) < len(every):
        print_stderr(f"recipes: {len(every) - len(shown)} values do not apply to this recipe; --all prints them")


def _dump_yaml(data: object) -> str:
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text.rstrip()
