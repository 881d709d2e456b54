"""`recipes data`: rows before they are trained on."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "check": "Check data: invalid examples, lengths, duplicates, leakage.",
    "preview": "Show examples as the model sees them, with the tokens in the loss.",
    "prepare": "Convert, split, clean, deduplicate and hold out data.",
}


class LazyDataGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and what they do."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group("data", cls=LazyDataGroup)
def command() -> None:
    """Check, preview and prepare training data."""
