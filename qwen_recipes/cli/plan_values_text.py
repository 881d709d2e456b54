"""The values of a plan as text: a block for each section, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from qwen_recipes.resolve.plan_table import PlanValue
from qwen_recipes.resolve.speed import FASTEST

WIDTH = 80
MAX_VALUE_WIDTH = 20
"""Columns for values; the reason of a longer one starts on the next line."""


def format_plan_values(rows: Iterable[PlanValue]) -> str:
    """`field  value  reason`, one block for each section of the recipe."""
    blocks = groupby(_shorten_repeated(rows), key=lambda row: row.field.partition(".")[0])
    return "\n\n".join("\n".join([section, *_format_section(list(part))]) for section, part in blocks)


def _format_section(rows: list[PlanValue]) -> Iterator[str]:
    names = [row.field.partition(".")[2] for row in rows]
    wide = max(map(len, names))
    value_width = max((n for row in rows if (n := len(row.display_text)) <= MAX_VALUE_WIDTH), default=MAX_VALUE_WIDTH)
    indent = 2 + wide + 2 + value_width + 2
    for name, row in zip(names, rows, strict=True):
        head = f"  {name:<{wide}}  {row.display_text:<{value_width}}"
        reason = textwrap.wrap(_format_reason(row), WIDTH - indent)
        if len(row.display_text) > value_width:
            yield from textwrap.wrap(head, WIDTH, subsequent_indent=" " * (wide + 4), break_on_hyphens=False)
            head = " " * (indent - 2)
        yield f"{head}  {reason[0] if reason else ''}".rstrip()
        yield from (" " * indent + line for line in reason[1:])


def _shorten_repeated(rows: Iterable[PlanValue]) -> Iterator[PlanValue]:
    """The speed and memory of what was chosen stand in the first reason that has them."""
    first = ""
    for row in rows:
        shared = row.reason.split("; ")[0] if row.reason.startswith(f"{FASTEST}: ") else ""
        yield replace(row, reason=row.reason.replace(shared, FASTEST)) if shared and shared == first else row
        first = first or shared


def _format_reason(row: PlanValue) -> str:
    return row.reason if row.origin == "recipe" else f"{row.origin}: {row.reason}"
