"""Printing: where the command line speaks, and in which colours."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from qwen_recipes.cli.reporters import REPORTERS
from qwen_recipes.cli.reporters.text import report as text

__all__ = ["REPORTERS", "print_stderr", "should_colour", "text"]


def format_count(number: int, name: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def print_stderr(message: str) -> None:
    """A line for the person, on standard error."""
    click.echo(message, err=True, color=should_colour(sys.stderr))


def should_colour(stream: Any) -> bool | None:
    """Whether to colour: never under NO_COLOR, else click decides by the stream."""
    return False if os.environ.get("NO_COLOR") else None
