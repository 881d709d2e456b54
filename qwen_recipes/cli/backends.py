"""`recipes backends`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import format_option


@click.command("backends")
@click.option("--matrix", "whole", is_flag=True, help="Every field of a recipe, and how each framework is told it.")
@format_option("text", "json")
def command(whole: bool, form: str) -> None:
    """List the frameworks that recipes compile for, with the version each is compiled for."""
    import json

    from qwen_recipes.backends import backends

    if whole:
        _matrix(form)
        return
    if form == "json":
        click.echo(
            json.dumps(
                [
                    {"name": b.name, "title": b.title, "version": b.version, "versions": list(b.versions)}
                    for b in backends()
                ],
                indent=2,
            )
        )
        return
    for backend in backends():
        click.echo(f"{backend.name:<14} {backend.title} {', '.join(backend.versions)}")
        for limit in filter(backend.holds, backend.limits):
            click.echo(f"{'':<14} not `{limit.field}` where {limit.why}")


def _matrix(form: str) -> None:
    import json
    from dataclasses import asdict

    from qwen_recipes.backends import backends
    from qwen_recipes.compile.matrix import matrix, said

    cells = [cell for backend in backends() for cell in matrix(backend)]
    if form == "json":
        click.echo(json.dumps([asdict(cell) for cell in cells], indent=2))
        return
    for cell in sorted(cells, key=lambda c: c.field):
        click.echo(f"{cell.field:<32} {cell.backend:<13} {said(cell)}")
