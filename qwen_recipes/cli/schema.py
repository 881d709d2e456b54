"""`recipes schema`."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the recipe's JSON Schema (2020-12), for editors."""
    import json

    from qwen_recipes.recipe.schema import recipe_schema

    click.echo(json.dumps(recipe_schema(), indent=2, ensure_ascii=False))
