"""Ids and labels: which tokens of a row the model sees, and which of them it learns.

What carries loss: of each trained turn the words after `<|im_start|>assistant` and its line end, and the `<|im_end|>`
that ends it; never the newline after that. An empty think block at the start of an answer is left out unless
`thinking` is `train-empty`. A token belongs to where it begins. Plain text is trained whole, with an `<|endoftext|>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .messages import BadRow, Message, Row

IGNORED = -100
START, END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
ANSWER = START + "assistant\n"
EMPTY_THOUGHT = "<think>\n\n</think>\n\n"
ANSWER_TOKENS, EMPTY_THOUGHT_TOKENS = 3, 4
"""Tokens of the two, whatever follows: a newline that continues their last token is part of it."""
NOTHING = -1
STAND_INS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Code points that no text may hold."""

Render = Callable[[list[Message]], str]
Tokenize = Callable[[list[str]], Sequence[Sequence[int]]]


class Rule(NamedTuple):
    """Which turns carry loss (`assistant`, `last-assistant`, `all`), and whether empty think blocks do."""

    train_on: str = "assistant"
    thinking: str = "auto"


class Piece(NamedTuple):
    """Text between two places where every tokenizer of Qwen3 cuts; `skip` tokens of it carry no loss, -1 all."""

    text: str
    skip: int


class Encoded(NamedTuple):
    """A row's token ids, and its labels: the id where it carries loss, else -100."""

    ids: list[int]
    labels: list[int]


def encode(rows: Sequence[Row], render: Render, tokenize: Tokenize, rule: Rule) -> list[Encoded]:
    """Ids and labels of rows in our form. Raises BadRow for the first that has none."""
    cut = [pieces(row, render, rule) for row in rows]
    texts = list(dict.fromkeys(piece.text for row in cut for piece in row))
    ids = dict(zip(texts, tokenize(texts), strict=True)) if texts else {}
    return [_joined(row, ids) for row in cut]


def pieces(row: Row, render: Render, rule: Rule) -> list[Piece]:
    """The row's text, cut, each piece with the number of its first tokens that carry no loss. Raises BadRow."""
    if "text" in row:
        return [Piece(row["text"], 0), Piece(END_OF_TEXT, 0)]
    messages, restore = _shielded(row["messages"])
    if rule.train_on == "all":
        return [Piece(restore(render(messages)), 0)]
    cut = list(_turns(render(messages)))
    answers = [place for place, text in enumerate(cut) if text.startswith(ANSWER)]
    if len(answers) != sum(message["role"] == "assistant" for message in messages):
        raise BadRow(f"the chat template does not begin each answer with {ANSWER!r}")
    trained = answers if rule.train_on == "assistant" else answers[-1:]
    return [Piece(restore(text), _skip(text, rule) if place in trained else NOTHING) for place, text in enumerate(cut)]


def _skip(text: str, rule: Rule) -> int:
    empty = rule.thinking == "auto" and text.startswith(EMPTY_THOUGHT, len(ANSWER))
    return ANSWER_TOKENS + (EMPTY_THOUGHT_TOKENS if empty else 0)


def _turns(text: str) -> Iterator[str]:
    """The text cut before each start of a turn and after its end."""
    for block in text.split(START)[1:]:
        body, end, after = block.partition(END)
        yield START + body + end
        if after:
            yield after


def _shielded(messages: list[Message]) -> tuple[list[Message], Callable[[str], str]]:
    """Messages in which marks of turns that somebody typed are no marks, and what puts them back into text."""
    whole = "".join(message["content"] for message in messages)
    if START not in whole and END not in whole:
        return messages, str
    start, end = [mark for mark in STAND_INS if mark not in whole][:2]
    safe = [{**m, "content": m["content"].replace(START, start).replace(END, end)} for m in messages]
    return safe, lambda text: text.replace(start, START).replace(end, END)


def _joined(row: list[Piece], ids: dict[str, Sequence[int]]) -> Encoded:
    tokens: list[int] = []
    labels: list[int] = []
    for text, skip in row:
        found = ids[text]
        masked = len(found) if skip == NOTHING else min(skip, len(found))
        tokens += found
        labels += [IGNORED] * masked
        labels += found[masked:]
    return Encoded(tokens, labels)


def cut_off(row: Encoded, limit: int) -> Encoded:
    """The row's first `limit` tokens."""
    return Encoded(row.ids[:limit], row.labels[:limit])


def as_columns(row: Encoded) -> dict[str, Any]:
    """The row as frameworks read it where it is tokenized."""
    return {"input_ids": row.ids, "attention_mask": [1] * len(row.ids), "labels": row.labels}
