"""`recipes show`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import backend_or_stop, format_option, load_recipe, refuse, set_option, version_option
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.part import as_data


@click.command("show")
@click.argument("file")
@click.option("--resolved", is_flag=True, help="Every value that a backend is told, with its reason.")
@click.option("--backend", metavar="NAME", help="Framework to resolve for; the recipe's own where left out.")
@version_option
@set_option
@format_option("text", "json")
def command(
    file: str, resolved: bool, backend: str | None, version: str | None, sets: tuple[str, ...], form: str
) -> None:
    """Print a recipe as it was read; with --resolved, as a backend is told it."""
    import json

    loaded = load_recipe(file, sets, form)
    if not resolved:
        data = as_data(loaded.recipe)
        click.echo(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else _yaml(data))
        return
    from qwen_recipes.resolve import resolve
    from qwen_recipes.resolve.table import table

    name = backend or (loaded.recipe.run.backend if loaded.recipe.run else None) or "axolotl"
    try:
        rows = table(resolve(loaded, backend_or_stop(name, version)))
    except RecipeError as error:
        refuse(error.findings, form)
    if form == "json":
        listed = [{"field": r.field, "value": r.value, "origin": r.origin, "reason": r.reason} for r in rows]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    wide = max(len(row.field) for row in rows)
    broad = min(40, max(len(str(row.shown)) for row in rows))
    for row in rows:
        click.echo(f"{row.field:<{wide}}  {row.shown:<{broad}}  {row.origin}: {row.reason}")


def _yaml(data: object) -> str:
    import yaml

    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text.rstrip()
