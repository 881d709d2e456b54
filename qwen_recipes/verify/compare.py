"""Token by token: where two encodings of a row part, and what kind of difference it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow

NEWLINE_ID, TURN_END_ID, TURN_START_ID, SYSTEM_ID, THINK_ID, END_OF_TEXT_ID = (
    198,
    151_645,
    151_644,
    8_948,
    151_667,
    151_643,
)
ComparisonResult = Literal["same", "labels", "ids", "left out"]

DIFFERENCE_KINDS = {
    "left-out": "the framework drops the row",
    "newline": "the newline after `<|im_end|>` is in the loss",
    "cut": "a truncated row ends earlier",
    "system": "the system message is missing",
    "end-of-text": "the text ends with another token",
    "end-untrained": "`<|endoftext|>` is not in the loss",
    "header": "the markers around a turn are not in the loss",
    "think-tag": "the opening think tag is not in the loss",
    "empty-think": "an empty think block is added or missing in the loss",
    "history": "an earlier turn keeps its reasoning, or gets an empty think block",
    "labels": "other tokens are in the loss",
    "text": "the text differs",
}
"""What a difference is, in words; the first that fits is given."""


@dataclass(frozen=True)
class TokenDifference:
    """The first token at which a row parts from our definition; `position` counts tokens from 0."""

    verdict: ComparisonResult
    kind: str = ""
    position: int = 0
    error_message: str = ""


def compare_tokens(ours: EncodedRow, theirs: Mapping[str, Any] | None) -> TokenDifference:
    """A framework's row against ours; None where it gave none."""
    if theirs is None or "error" in theirs:
        return TokenDifference("left out", "left-out", error_message=str((theirs or {}).get("error", "")))
    ids, labels = theirs["input_ids"], theirs["labels"]
    if ids != ours.ids:
        at = _first_difference(ours.ids, ids)
        return TokenDifference("ids", _classify_ids(ours.ids, ids, at), at)
    labels = [ours.labels[0], *labels[1:]] if labels else labels  # nothing predicts the first token
    if labels != ours.labels:
        at = _first_difference(ours.labels, labels)
        return TokenDifference("labels", _classify_labels(ours, labels), at)
    return TokenDifference("same")


def _first_difference(ours: Sequence[int], theirs: Sequence[int]) -> int:
    return next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))


def _classify_ids(ours: Sequence[int], theirs: Sequence[int], position: int) -> str:
    mine, other = ours[position : position + 1], theirs[position : position + 1]
    if THINK_ID in (*mine, *other):
        return "history"
    if position and ours[position - 1 : position + 1] == [TURN_START_ID, SYSTEM_ID]:
        return "system"
    if mine and not other:
        return "cut"
    if mine == [END_OF_TEXT_ID] and position == len(ours) - 1:
        return "end-of-text"
    return "newline" if [*ours, NEWLINE_ID] == theirs else "text"


def _classify_labels(ours: EncodedRow, labels: Sequence[int]) -> str:
    places = [n for n, (a, b) in enumerate(zip(ours.labels, labels, strict=True)) if a != b]
    ids = ours.ids
    if all(ids[n] == END_OF_TEXT_ID and labels[n] == IGNORE_INDEX for n in places):
        return "end-untrained"
    if all(ids[n] == NEWLINE_ID and n and ids[n - 1] == TURN_END_ID and labels[n] != IGNORE_INDEX for n in places):
        return "newline"
    thinks = [n for n in places if not (ids[n] == NEWLINE_ID and n and ids[n - 1] == TURN_END_ID)]
    if all(labels[n] == IGNORE_INDEX and _is_think_opening(ids, n) for n in thinks):
        return "think-tag"
    if all(_is_in_empty_think(ids, n) for n in thinks):
        return "empty-think"
    if all(labels[n] == IGNORE_INDEX and ours.labels[n] != IGNORE_INDEX for n in places):
        return "header"
    return "labels"


def _is_think_opening(ids: Sequence[int], n: int) -> bool:
    return ids[n] == THINK_ID or (n > 0 and ids[n - 1] == THINK_ID)


def _is_in_empty_think(ids: Sequence[int], n: int) -> bool:
    block = [THINK_ID, 271, THINK_ID + 1, 271]
    return any(list(ids[start : start + 4]) == block for start in range(max(0, n - 3), n + 1))
