"""`recipes`: the commands by name, none of them imported before it is needed."""

from __future__ import annotations

import errno
from importlib import import_module

import click

from qwen_recipes import __version__
from qwen_recipes.errors import QwenRecipesError

COMMANDS = {
    "init": "Write a first recipe for your rows: one that fits the GPU.",
    "lint": "Check recipes: spelling, types, and what is known to go wrong.",
    "explain": "Print a guard's page.",
    "show": "Print a recipe, resolved: every value with its reason.",
    "schema": "Print the recipe's JSON Schema.",
    "lsp": "Serve editors: findings, explanations and fixes while you write.",
    "plan": "Tell what it takes: memory, time, disk; and what to change where it does not fit.",
    "data": "Check, show and prepare rows.",
    "verify": "Compare a framework's tokens and labels with ours.",
    "compile": "Write the framework's own files.",
    "diff": "Say what differs between two recipes or two runs.",
    "lock": "Write down all that a run depends on.",
    "backends": "List the frameworks that recipes compile for.",
    "env": "Build and list the frameworks' environments.",
    "doctor": "Check this machine.",
    "run": "Compile, check, and train.",
    "status": "Show every run below a folder.",
    "logs": "Print what a run's framework printed.",
    "report": "Write a page about one run or several.",
    "why": "Say what a failed run's log comes down to.",
}


class LazyCommandGroup(click.Group):
    """A group that knows its commands' names and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of a run."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"qwen_recipes.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of ours, an interruption, or a file that can't be read or written ends it."""
        from qwen_recipes.cli.options_and_exits import ExitCode, exit_on_error, exit_with_error

        try:
            return super().invoke(ctx)
        except QwenRecipesError as error:
            exit_on_error(error, ctx)
        except KeyboardInterrupt:
            exit_with_error("interrupted", ExitCode.INTERRUPTED)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends where the reader went away
            exit_with_error(f"{error.filename or 'output'}: {error.strerror or error}", ExitCode.USAGE)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and what they do, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was called; a slip of the pen gets a suggestion."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyCommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="recipes")
def main() -> None:
    """Check, explain, compile and launch fine-tuning recipes for Qwen3.

    Exit codes: 0 good; 1 the recipe or its data is not; 2 the call is wrong; 3 it does not fit the hardware;
    4 the environment fails; 5 the run failed; 130 interrupted.
    """
