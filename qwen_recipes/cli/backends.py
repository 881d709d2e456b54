"""`recipes backends`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import format_option


@click.command("backends")
@format_option("text", "json")
def command(form: str) -> None:
    """List the frameworks that recipes compile for, with the version each is compiled for."""
    import json

    from qwen_recipes.backends import backends

    if form == "json":
        click.echo(json.dumps([{"name": b.name, "title": b.title, "version": b.version} for b in backends()], indent=2))
        return
    for backend in backends():
        click.echo(f"{backend.name:<14} {backend.title} {backend.version}")
        for limit in backend.limits:
            click.echo(f"{'':<14} not `{limit.field}` where {limit.why}")
