"""Options that say how rows are read, alike for every command that reads them."""

from __future__ import annotations

import click

from qwen_recipes.data.detect_format import ROW_FORMATS
from qwen_recipes.qwen.registry import DEFAULT_MODEL

model_option = click.option(
    "--model", metavar="MODEL", help=f"Model whose tokenizer and template are used. [default: {DEFAULT_MODEL}]"
)
layout_option = click.option(
    "--format-of", "layout", type=click.Choice(ROW_FORMATS), help="Layout of the files. [default: detected]"
)
length_option = click.option(
    "--sequence-length",
    "limit",
    type=click.IntRange(1),
    metavar="TOKENS",
    help="Maximum length of an example. [default: training.sequence_length]",
)
turns_option = click.option(
    "--train-on",
    type=click.Choice(["assistant", "last-assistant", "all"]),
    help="Turns in the loss. [default: chat.train_on, else assistant]",
)
