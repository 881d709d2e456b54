"""Token by token: where two encodings of a row part, and what kind of difference it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qwen_recipes.data.rows.encode import IGNORED, Encoded

NEWLINE, END, START, SYSTEM, THINK, END_OF_TEXT = 198, 151_645, 151_644, 8_948, 151_667, 151_643
Verdict = Literal["same", "labels", "ids", "left out"]

KINDS = {
    "left-out": "the framework leaves the row out",
    "newline": "the newline after `<|im_end|>` is trained too",
    "cut": "a row that is cut ends earlier",
    "system": "the system message is left out",
    "end-of-text": "the text ends with another token",
    "end-untrained": "`<|endoftext|>` carries no loss",
    "header": "the marks around a turn are not trained",
    "think-tag": "the opening think tag is not trained",
    "empty-think": "an empty think block is trained, or left out, where it is not by our definition",
    "history": "an earlier turn keeps its reasoning, or gets an empty think block",
    "labels": "other tokens are trained",
    "text": "the text is another one",
}
"""What a difference is, in words; the first that fits is given."""


@dataclass(frozen=True)
class Difference:
    """The first token at which a row parts from our definition; `at` counts tokens from 0."""

    verdict: Verdict
    kind: str = ""
    at: int = 0
    said: str = ""


def compare(ours: Encoded, theirs: Mapping[str, Any] | None) -> Difference:
    """A framework's row against ours; None where it gave none."""
    if theirs is None or "error" in theirs:
        return Difference("left out", "left-out", said=str((theirs or {}).get("error", "")))
    ids, labels = theirs["input_ids"], theirs["labels"]
    if ids != ours.ids:
        at = _first(ours.ids, ids)
        return Difference("ids", _text_kind(ours.ids, ids, at), at)
    labels = [ours.labels[0], *labels[1:]] if labels else labels  # nothing predicts the first token
    if labels != ours.labels:
        at = _first(ours.labels, labels)
        return Difference("labels", _label_kind(ours, labels), at)
    return Difference("same")


def _first(ours: Sequence[int], theirs: Sequence[int]) -> int:
    return next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))


def _text_kind(ours: Sequence[int], theirs: Sequence[int], at: int) -> str:
    mine, other = ours[at : at + 1], theirs[at : at + 1]
    if THINK in (*mine, *other):
        return "history"
    if at and ours[at - 1 : at + 1] == [START, SYSTEM]:
        return "system"
    if mine and not other:
        return "cut"
    if mine == [END_OF_TEXT] and at == len(ours) - 1:
        return "end-of-text"
    return "newline" if [*ours, NEWLINE] == theirs else "text"


def _label_kind(ours: Encoded, labels: Sequence[int]) -> str:
    places = [n for n, (a, b) in enumerate(zip(ours.labels, labels, strict=True)) if a != b]
    ids = ours.ids
    if all(ids[n] == END_OF_TEXT and labels[n] == IGNORED for n in places):
        return "end-untrained"
    if all(ids[n] == NEWLINE and n and ids[n - 1] == END and labels[n] != IGNORED for n in places):
        return "newline"
    thinks = [n for n in places if not (ids[n] == NEWLINE and n and ids[n - 1] == END)]
    if all(labels[n] == IGNORED and _opens(ids, n) for n in thinks):
        return "think-tag"
    if all(_in_empty_block(ids, n) for n in thinks):
        return "empty-think"
    if all(labels[n] == IGNORED and ours.labels[n] != IGNORED for n in places):
        return "header"
    return "labels"


def _opens(ids: Sequence[int], n: int) -> bool:
    return ids[n] == THINK or (n > 0 and ids[n - 1] == THINK)


def _in_empty_block(ids: Sequence[int], n: int) -> bool:
    block = [THINK, 271, THINK + 1, 271]
    return any(list(ids[start : start + 4]) == block for start in range(max(0, n - 3), n + 1))
