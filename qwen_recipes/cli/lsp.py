"""`recipes lsp`."""

from __future__ import annotations

import click

from qwen_recipes.cli.options_and_exits import ExitCode, exit_with_error


@click.command("lsp")
def command() -> None:
    """Serve editors: what `lint` finds, `explain` says and `--fix` does, while you write.

    Speaks the Language Server Protocol over standard input and output. Needs the extra `lsp`.
    """
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError:
        exit_with_error("the language server needs pygls: pip install 'qwen-recipes[lsp]'", ExitCode.ENVIRONMENT)
    from qwen_recipes.lsp.server import serve_stdio

    serve_stdio()
