"""`recipes show`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_json, print_text
from qwen_recipes.cli.options_and_exits import (
    backend_version_option,
    format_option,
    load_backend_recipe,
    set_option,
)


@click.command("show")
@click.argument("file")
@click.option("--resolved", is_flag=True, help="Every value that a backend is told, with its reason.")
@click.option(
    "--backend",
    metavar="NAME",
    help="Framework to resolve for; the recipe's own where left out, else the first that can.",
)
@backend_version_option
@set_option
@format_option("text", "json")
def command(
    file: str, resolved: bool, backend: str | None, version: str | None, sets: tuple[str, ...], form: str
) -> None:
    """Print a recipe as it was read, with all that it extends; with --resolved, as a backend is told it."""

    if not resolved:
        from qwen_recipes.recipe.load import load_recipe

        data = load_recipe(file, sets).recipe.model_dump(exclude_none=True, exclude={"extends"})
        if form == "json":
            print_json(data)
        else:
            print_text(_dump_yaml(data))
        return
    from qwen_recipes.resolve.plan_table import list_plan_values

    rows = list_plan_values(load_backend_recipe(file, sets, backend, version).plan)
    if form == "json":
        listed = [{"field": r.field, "value": r.value, "origin": r.origin, "reason": r.reason} for r in rows]
        print_json(listed)
        return
    wide = max(len(row.field) for row in rows)
    broad = min(40, max(len(str(row.display_text)) for row in rows))
    for row in rows:
        print_text(f"{row.field:<{wide}}  {row.display_text:<{broad}}  {row.origin}: {row.reason}")


def _dump_yaml(data: object) -> str:
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text.rstrip()
