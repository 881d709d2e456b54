"""`recipes lsp`."""

from __future__ import annotations

import click

from qwen_recipes.cli.console import print_stderr
from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


@click.command("lsp")
def command() -> None:
    """Run the language server for editors.

    Shows findings, explanations, completion and quick fixes while you type. Communicates over standard input and
    output. Requires pip install 'qwen-recipes[lsp]'.
    """
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError:
        exit_with_error(
            "the language server needs pygls, which is not installed: pip install 'qwen-recipes[lsp]'",
            ExitCode.ENVIRONMENT,
        )
    from qwen_recipes.lsp.server import serve_stdio

    serve_stdio(lambda message: print_stderr(f"recipes lsp: {message}"))
