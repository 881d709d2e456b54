"""`recipes`: the commands by name, none of them imported before it is needed."""

from __future__ import annotations

import errno
import sys
from importlib import import_module

import click

from qwen_recipes import __version__
from qwen_recipes.errors import QwenRecipesError

COMMANDS = {
    "init": "Write a recipe for your data and GPU.",
    "lint": "Check recipes and framework configs for errors and known problems.",
    "explain": "Explain a guard: what it finds, why, and how to fix it.",
    "show": "Print a recipe as read, or resolved with defaults and their reasons.",
    "schema": "Print the recipe's JSON Schema.",
    "lsp": "Run the language server for editors.",
    "plan": "Estimate memory, time and disk, and suggest changes that make the run fit.",
    "data": "Check, preview and prepare training data.",
    "verify": "Compare what a framework trains on with the recipe.",
    "compile": "Compile recipes into a framework's own files.",
    "diff": "Compare two recipes or two runs.",
    "lock": "Write a lock file that pins everything a run depends on.",
    "backends": "List frameworks, their versions and unsupported settings.",
    "env": "Create, list and remove the frameworks' Python environments.",
    "doctor": "Check this machine: Python, GPUs, disk, environments.",
    "run": "Compile, check and train; or resume a run.",
    "merge": "Merge adapters into their base model, or into one adapter.",
    "status": "List runs with state, step, loss and time left.",
    "logs": "Print the log of a run.",
    "report": "Write an HTML report about one or more runs.",
    "why": "Diagnose a failed run.",
}


def _explain_encoding(error: UnicodeEncodeError) -> str:
    """Why a name of a file can't be looked up."""
    character = error.object[error.start : error.end][:20]
    return (
        f"the names of files are in {error.encoding} here, which has no {character!r}; "
        "set LC_ALL=C.UTF-8 or PYTHONUTF8=1"
    )


class LazyCommandGroup(click.Group):
    """A group that imports a command when it is called."""

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
        """Run the command. Errors, interruptions and unreadable files end it with a message and an exit code."""
        from qwen_recipes.cli.escaping import escape_text
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
        except UnicodeEncodeError as error:
            if sys.getfilesystemencoding() == "utf-8":
                raise
            exit_with_error(_explain_encoding(error), ExitCode.USAGE)
        except click.UsageError as error:
            if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
                raise  # its message is the help text
            raise click.UsageError(escape_text(error.format_message()), error.ctx) from None
        except RuntimeError as error:
            if "home directory" in str(error):  # of Path.expanduser
                exit_with_error("no user has the name behind a `~`; write the folder's path", ExitCode.USAGE)
            if "Symlink loop" not in str(error):  # of Path.resolve, before Python 3.13
                raise
            exit_with_error(f"{error}: a symbolic link that leads to itself; remove it, or use -o", ExitCode.USAGE)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and what they do, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes of every command."""
        from qwen_recipes.cli.options_and_exits import EXIT_CODE_MEANINGS

        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), meaning) for code, meaning in EXIT_CODE_MEANINGS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was called; a misspelt name gets a suggestion."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyCommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="recipes")
def main() -> None:
    """Check, compile and run fine-tuning recipes for Qwen3.

    A recipe is one YAML file that compiles to the files of Axolotl, LLaMA-Factory, ms-swift or TRL.
    """
