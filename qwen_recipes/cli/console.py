"""Printing: the one place where the command line writes to its two streams.

Text is escaped for a terminal and for GitHub's log, in any locale; what machines read is UTF-8. A reader that went away
ends the printing and not the command; output that can't be written otherwise ends the command with exit code 2.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from qwen_recipes.cli.escaping import dump_json, escape_styled, escape_text
from qwen_recipes.cli.reporters import REPORTERS
from qwen_recipes.cli.reporters.text import report as text
from qwen_recipes.recipe.secrets import hide_secrets

__all__ = ["REPORTERS", "print_json", "print_machine", "print_stderr", "print_text", "should_colour", "text"]
_OUTPUT_FAILED = 2


def format_count(number: int, name: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def print_stderr(message: str, *, nl: bool = True) -> None:
    """A line for the person, on standard error. Where that can't be written there is nobody to tell."""
    try:
        _echo(hide_secrets(escape_styled(message)), sys.stderr, nl)
    except OSError:
        _discard_output(sys.stderr)


def print_text(message: str, *, nl: bool = True) -> None:
    """The answer for a person, on standard output; styles of ours stay."""
    shown = hide_secrets(message)
    _print_stdout(escape_styled(shown) if sys.stdout.isatty() else escape_text(click.unstyle(shown)), nl)


def print_json(data: object) -> None:
    """The answer for a machine: indented JSON."""
    print_machine(dump_json(data))


def print_machine(message: str, *, nl: bool = True) -> None:
    """A text in a format of its own, as UTF-8 in any locale."""
    _print_stdout(hide_secrets(message).encode("utf-8", "backslashreplace"), nl)


def print_bytes(content: bytes) -> bool:
    """A file's content, or a part of it, as it is. False where the reader went away."""
    return _print_stdout(content, nl=False)


def should_colour(stream: TextIO) -> bool | None:
    """Whether to colour: never under NO_COLOR, else click decides by the stream."""
    return False if os.environ.get("NO_COLOR") else None


def _print_stdout(message: str | bytes, nl: bool) -> bool:
    try:
        _echo(message, sys.stdout, nl)
    except BrokenPipeError:
        _discard_output(sys.stdout)
        return False
    except OSError as error:
        _discard_output(sys.stdout)
        print_stderr(f"recipes: cannot write to standard output: {error.strerror}")
        sys.exit(_OUTPUT_FAILED)
    return True


def _echo(message: str | bytes, stream: TextIO, nl: bool) -> None:
    if isinstance(message, str):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        message = message.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(message, file=stream, nl=nl, color=should_colour(stream))


def _discard_output(stream: TextIO) -> None:
    """Send what is still to be printed, and what is held back, nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        return
