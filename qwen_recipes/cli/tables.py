"""Tables on standard output: aligned columns, and on a terminal rich fits them to its width."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from io import StringIO

from qwen_recipes.cli.console import print_text
from qwen_recipes.cli.escaping import escape_line
from qwen_recipes.recipe.secrets import hide_secrets

Row = Sequence[str]


def print_table(head: Row, rows: Sequence[Row]) -> None:
    """Print a table. Where standard output is no terminal it is plain text, one line a row."""
    print_text(_draw_table(head, rows) if sys.stdout.isatty() else format_columns([head, *rows]))


def format_columns(rows: Sequence[Row]) -> str:
    """Rows as lines, each column as wide as its widest cell, with two spaces between. No cell begins a line."""
    rows = [[cell.replace("\n", "\\n").replace("\r", "\\r") for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _draw_table(head: Row, rows: Sequence[Row]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*map(_clean, head), box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(_clean(cell), overflow="fold") for cell in row))
    width = shutil.get_terminal_size().columns
    console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=width)
    with console.capture() as drawn:
        console.print(table)
    return "\n".join(line.rstrip() for line in drawn.get().strip("\n").splitlines())


def _clean(cell: str) -> str:
    """A cell that stays in its line. It is cleaned before rich may break it over several."""
    return escape_line(hide_secrets(cell))
