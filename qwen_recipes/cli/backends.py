"""`recipes backends`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_json, print_text
from qwen_recipes.cli.options_and_exits import format_option


@click.command("backends")
@click.option("--matrix", "whole", is_flag=True, help="Every field of a recipe, and how each framework is told it.")
@format_option("text", "json")
def command(whole: bool, form: str) -> None:
    """List the frameworks that recipes compile for, with the version each is compiled for."""
    import json

    from qwen_recipes.backends import load_backends

    if whole:
        _print_support_matrix(form)
        return
    if form == "json":
        print_text(
            json.dumps(
                [
                    {"name": b.name, "title": b.title, "version": b.version, "versions": list(b.versions)}
                    for b in load_backends()
                ],
                indent=2,
            )
        )
        return
    for backend in load_backends():
        print_text(f"{backend.name:<14} {backend.title} {', '.join(backend.versions)}")
        for limit in filter(backend.is_in_effect, backend.unsupported_settings):
            print_text(f"{'':<14} not `{limit.field}` where {limit.why}")


def _print_support_matrix(form: str) -> None:
    from dataclasses import asdict

    from qwen_recipes.backends import load_backends
    from qwen_recipes.compile.support_matrix import build_support_matrix, describe_cell

    cells = [cell for backend in load_backends() for cell in build_support_matrix(backend)]
    if form == "json":
        print_json([asdict(cell) for cell in cells])
        return
    for cell in sorted(cells, key=lambda c: c.field):
        print_text(f"{cell.field:<32} {cell.backend:<13} {describe_cell(cell)}")
