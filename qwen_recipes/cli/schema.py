"""`recipes schema`."""

from __future__ import annotations

from typing import Literal

import click

from qwen_recipes.cli.console import print_json


@click.command("schema")
@click.option(
    "--draft",
    type=click.Choice(["2020-12", "draft-07"]),
    default="2020-12",
    show_default=True,
    help="Draft of JSON Schema; SchemaStore and older editors want draft-07.",
)
def command(draft: Literal["2020-12", "draft-07"]) -> None:
    """Print the recipe's JSON Schema, for editors."""

    from qwen_recipes.recipe.schema import build_recipe_schema

    print_json(build_recipe_schema(draft))
