"""KTO compares with answers to other prompts: which ones, the same in every framework.

An example's mismatched answer is the one of the example before it in the file (the first takes the last's) that was
made in the same way, after an empty think block or not, and that is another text. Where there is none of the same way,
it is the one before it. Each framework would take another: the neighbour within a micro-batch, within a global batch
after a shuffle, or within a thousand rows.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .encode import EMPTY_THINK_BLOCK
from .messages import BadRowError, Row
from .preference_shapes import LABEL_FORMATS
from .preferences import EncodedAnswers

if TYPE_CHECKING:
    from .renderer import RowRenderer

MOST_TRIED = 16
"""How many examples are looked at for an answer that is another text."""


def pair_mismatched(shape: str, rows: list[Row], renderer: RowRenderer) -> list[Row]:
    """The labelled examples of one split with their mismatched answers, in the shape's form; other shapes unchanged."""
    if shape not in LABEL_FORMATS:
        return rows
    form = LABEL_FORMATS[shape]
    chosen = choose_mismatched(rows, renderer)
    return [
        form(row["encoded"], _encode_mismatched(row, rows[other], renderer), row["example"]["label"], renderer)
        for row, other in zip(rows, chosen, strict=True)
    ]


def choose_mismatched(rows: list[Row], renderer: RowRenderer) -> list[int]:
    """For each row the place of the row whose answer is its mismatched one."""
    kinds: dict[bool, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        kinds[renderer.decode(row["encoded"].prompt[-8:]).endswith(EMPTY_THINK_BLOCK)].append(place)
    chosen = [place - 1 if place else len(rows) - 1 for place in range(len(rows))]
    for places in kinds.values():
        if len(places) > 1:
            for index, place in enumerate(places):
                chosen[place] = _find_other(rows, places, index)
    return chosen


def _find_other(rows: list[Row], places: list[int], index: int) -> int:
    own = rows[places[index]]["example"]["completion"]
    for back in range(1, min(len(places), MOST_TRIED)):
        if rows[places[index - back]]["example"]["completion"] != own:
            return places[index - back]
    return places[index - 1]


def _encode_mismatched(row: Row, other: Row, renderer: RowRenderer) -> EncodedAnswers:
    """The row's own prompt, answered as the other row is."""
    prompt = row["encoded"].prompt
    example = {**row["example"], "completion": other["example"]["completion"]}
    try:
        made = renderer.encode_preference(example)
        whole = made.prompt + made.answers[0]
    except BadRowError:
        whole = []
    if whole[: len(prompt)] == prompt and len(whole) > len(prompt):
        return EncodedAnswers(prompt, [whole[len(prompt) :]])
    return EncodedAnswers(prompt, [other["encoded"].answers[0]]).truncate(renderer.limit)
