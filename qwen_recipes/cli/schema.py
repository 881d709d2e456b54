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
    help="JSON Schema draft; SchemaStore and older editors need draft-07.",
)
def command(draft: Literal["2020-12", "draft-07"]) -> None:
    """Print the JSON Schema of recipes, for completion and checks in editors."""

    from qwen_recipes.recipe.schema import build_recipe_schema

    print_json(build_recipe_schema(draft))
