"""Which columns of a row could be a question, an answer or who speaks: what to write under `columns`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .row import Row

SPEAKERS = ("speaker", "author", "sender", "user", "name")
SAID = ("utterance", "text", "content", "message", "value")
ASKED = (
    *("question", "prompt", "query", "instruction", "input", "user", "human", "q", "problem", "inputs", "source"),
    "context",
)
ANSWERED = (
    *("answer", "completion", "response", "output", "assistant", "bot", "gpt", "solution", "reply", "targets"),
    *("target", "answers", "a"),
)
TEXTS = ("text", "content", "raw_content", "document", "body", "article", "code", "page_content", "passage")
BETTER = ("chosen", "better", "preferred", "positive", "win", "text_chosen", "response_chosen", "chosen_answer")
WORSE = (
    "rejected",
    "worse",
    "dispreferred",
    "negative",
    "lose",
    "text_rejected",
    "response_rejected",
    "rejected_answer",
)
LABELS = ("label", "kto_tag", "desirable", "is_good", "good", "thumbs_up", "feedback", "liked", "labels")
WANTED: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "text": (("text", TEXTS),),
    "preference": (("prompt", ASKED), ("chosen", BETTER), ("rejected", WORSE)),
    "kto": (("prompt", ASKED), ("completion", ANSWERED), ("label", LABELS)),
    "prompt": (("prompt", ASKED),),
}
"""The columns that a format needs, each with names that people give them."""
ASKED_AND_ANSWERED = (("prompt", ASKED), ("completion", ANSWERED))


def suggest_columns(row: Row, row_format: str) -> str:
    """`{prompt: Question, completion: …}`: the row's own names for what a format needs, where they are known."""
    wanted = WANTED.get(row_format, ASKED_AND_ANSWERED)
    return "{" + ", ".join(f"{ours}: {find_column(row, names)}" for ours, names in wanted) + "}"


def find_column(row: Row, names: Sequence[str]) -> str:
    """The row's column that has the first of these names, in capitals too, and could be read; `…` where it has none."""
    own = {str(name).lower(): str(name) for name in reversed(row) if _can_be_read(row[name])}
    return next((own[name] for name in names if name in own), "…")


def _can_be_read(value: Any) -> bool:
    """Whether a value is text, a list of messages or a label, and not the JSON of something else."""
    if isinstance(value, list):
        return all(isinstance(one, dict) and {"role", "from"} & one.keys() for one in value)
    return value is None or (isinstance(value, (int, str)) and not str(value).startswith(("[{", "{")))


def find_turn_keys(turns: list[Any]) -> list[str]:
    """The key of who speaks and the key of what is said, where each turn of a list is two texts under the same keys."""
    if not all(isinstance(turn, dict) and turn.keys() == turns[0].keys() for turn in turns):
        return []
    return [str(key) for key in turns[0] if key in SPEAKERS] + [str(key) for key in turns[0] if key in SAID]
