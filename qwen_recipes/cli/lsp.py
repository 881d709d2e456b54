"""`recipes lsp`."""

from __future__ import annotations

import click

from qwen_recipes.cli.common import Exit, stop


@click.command("lsp")
def command() -> None:
    """Serve editors: what `lint` finds, `explain` says and `--fix` does, while you write.

    Speaks the Language Server Protocol over standard input and output. Needs the extra `lsp`.
    """
    try:
        import pygls.lsp.server  # noqa: F401
    except ImportError:
        stop("the language server needs pygls: pip install 'qwen-recipes[lsp]'", Exit.ENVIRONMENT)
    from qwen_recipes.cli.language_server.server import serve

    serve()
