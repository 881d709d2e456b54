"""docs/reference/commands.md: every command, its arguments and options, from click."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from qwen_recipes.cli import main as recipes

HEAD = """# Commands

`recipes COMMAND --help` prints the same. Data that a program may read goes to standard output, everything else to
standard error. `NO_COLOR` is respected, and `-` reads standard input where a file is expected.
Exit codes are listed on [their own page](exit-codes.md).
"""
GROUPS = {
    "Write a recipe": ("init", "lint", "explain", "show", "schema", "lsp"),
    "Compile": ("compile", "backends", "diff", "lock"),
    "Check before training": ("plan", "data", "verify"),
    "Train": ("env", "doctor", "run", "status", "logs", "report", "why"),
}


def render_commands_page() -> str:
    """All commands, in groups by what they are for."""
    group = recipes
    context = click.Context(group, info_name="recipes")
    names = list(group.list_commands(context))
    grouped = [name for commands in GROUPS.values() for name in commands]
    groups = {**GROUPS, "Other commands": tuple(name for name in names if name not in grouped)}
    parts = [HEAD, _render_contents(groups, names)]
    for title, commands in groups.items():
        shown = [name for name in commands if name in names]
        if shown:
            parts.append(f"## {title}\n")
            parts += [
                text
                for name in shown
                for text in _render_command(group.get_command(context, name), f"recipes {name}", 3)
            ]
    return "\n".join(parts)


def _render_contents(groups: dict[str, tuple[str, ...]], names: list[str]) -> str:
    lines = ["| for | commands |", "|---|---|"]
    for title, commands in groups.items():
        links = ", ".join(f"[`{name}`](#recipes-{name})" for name in commands if name in names)
        if links:
            lines.append(f"| {title} | {links} |")
    return "\n".join(lines) + "\n"


def _render_command(command: click.Command | None, name: str, level: int) -> Iterator[str]:
    assert command is not None
    context = click.Context(command, info_name=name)
    yield f"{'#' * level} {name}\n"
    yield f"{_format_help(command)}\n"
    yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _render_command(command.get_command(context, inner), f"{name} {inner}", level + 1)
        return
    rows = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    rows = [row for row in rows if "--help" not in row[0]]
    if rows:
        yield "| option | effect |\n|---|---|\n" + "".join(f"| `{_plain(o)}` | {_escape(text)} |\n" for o, text in rows)


def _format_help(command: click.Command) -> str:
    text = inspect.cleandoc(command.help or "").split("\f")[0].strip()
    return _escape_angles(text)


def _plain(option: str) -> str:
    return option.replace("|", "\\|")


def _escape(text: str) -> str:
    return _escape_angles(text).replace("|", "\\|").replace("[default", "\\[default")


def _escape_angles(text: str) -> str:
    return text.replace("<", "&lt;")
