"""Ids and labels: which tokens of a row the model sees, and which of them it learns.

What carries loss: of each trained turn the words after `<|im_start|>assistant` and its line end, and the `<|im_end|>`
that ends it; never the newline after that, which is left off at the end of a row. An empty think block at the start of
an answer carries none unless `thinking` is `train-empty`. A line end that goes on into the answer is the mark's, as it
is one token. Plain text is trained whole, with an `<|endoftext|>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .messages import BadRow, Message, Row

IGNORED = -100
START, END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
ANSWER = START + "assistant\n"
EMPTY_THOUGHT = "<think>\n\n</think>\n\n"
LINE_ENDS = re.compile("[\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[\r\n]")
"""What Qwen3's tokenizer takes as one token from a line end on: all white space up to the last line end."""
STAND_INS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Code points that no text may hold."""

Render = Callable[[list[Message]], str]
Tokenize = Callable[[list[str]], Sequence[Sequence[int]]]


class Rule(NamedTuple):
    """Which turns carry loss (`assistant`, `last-assistant`, `all`), and whether empty think blocks do."""

    train_on: str = "assistant"
    thinking: str = "auto"


class Segment(NamedTuple):
    """Text that carries loss or does not, between two places where every tokenizer of Qwen3 cuts."""

    text: str
    trained: bool


class Encoded(NamedTuple):
    """A row's token ids, and its labels: the id where it carries loss, else -100."""

    ids: list[int]
    labels: list[int]

    @property
    def learns(self) -> bool:
        """Whether any token carries loss."""
        return any(label != IGNORED for label in self.labels)


def encode(rows: Sequence[Row], render: Render, tokenize: Tokenize, rule: Rule) -> list[Encoded]:
    """Ids and labels of rows in our form. Raises BadRow for the first that has none."""
    cut = [segments(row, render, rule) for row in rows]
    texts = list(dict.fromkeys(segment.text for row in cut for segment in row))
    ids = dict(zip(texts, tokenize(texts), strict=True)) if texts else {}
    return [_joined(row, ids) for row in cut]


def segments(row: Row, render: Render, rule: Rule) -> list[Segment]:
    """The row's text, cut where loss begins and ends. Raises BadRow."""
    if "text" in row:
        return [Segment(row["text"] + END_OF_TEXT, True)]
    messages, restore = _shielded(row["messages"])
    text = render(messages).removesuffix("\n")
    if rule.train_on == "all":
        return [Segment(restore(text), True)]
    blocks = list(_blocks(text))
    answers = [place for place, block in enumerate(blocks) if block.startswith(ANSWER)]
    if len(answers) != sum(message["role"] == "assistant" for message in messages):
        raise BadRow(f"the chat template does not begin each answer with {ANSWER!r}")
    trained = answers if rule.train_on == "assistant" else answers[-1:]
    cut = (part for place, block in enumerate(blocks) for part in _parts(block, place in trained, rule))
    return [Segment(restore(segment.text), segment.trained) for segment in _merged(cut)]


def _parts(block: str, trained: bool, rule: Rule) -> Iterator[Segment]:
    if not trained:
        yield Segment(block, False)
        return
    empty = rule.thinking == "auto" and block.startswith(EMPTY_THOUGHT, len(ANSWER))
    head = len(ANSWER) + (len(EMPTY_THOUGHT) if empty else 0)
    found = LINE_ENDS.match(block, head)
    head = found.end() if found else head
    yield Segment(block[:head], False)
    yield Segment(block[head:], True)


def _blocks(text: str) -> Iterator[str]:
    """The text cut before each start of a turn and after its end."""
    before, *rest = text.split(START)
    yield before
    for block in rest:
        body, end, after = block.partition(END)
        yield START + body + end
        yield after


def _merged(parts: Iterator[Segment]) -> Iterator[Segment]:
    held = Segment("", False)
    for part in parts:
        if part.trained == held.trained:
            held = Segment(held.text + part.text, part.trained)
            continue
        if held.text:
            yield held
        held = part
    if held.text:
        yield held


def _shielded(messages: list[Message]) -> tuple[list[Message], Callable[[str], str]]:
    """Messages in which marks of turns that somebody typed are no marks, and what puts them back into text."""
    whole = "".join(message["content"] for message in messages)
    if START not in whole and END not in whole:
        return messages, str
    start, end = [mark for mark in STAND_INS if mark not in whole][:2]
    safe = [{**m, "content": m["content"].replace(START, start).replace(END, end)} for m in messages]
    return safe, lambda text: text.replace(start, START).replace(end, END)


def _joined(row: list[Segment], ids: dict[str, Sequence[int]]) -> Encoded:
    tokens: list[int] = []
    labels: list[int] = []
    for text, trained in row:
        found = ids[text]
        tokens += found
        labels += found if trained else [IGNORED] * len(found)
    return Encoded(tokens, labels)


def cut_off(row: Encoded, limit: int) -> Encoded:
    """The row's first `limit` tokens."""
    return Encoded(row.ids[:limit], row.labels[:limit])


def cut_text(
    row: list[Segment], ids: Sequence[Sequence[int]], decode: Callable[[Any], str], limit: int
) -> list[Segment]:
    """The text of the row's first `limit` tokens, `ids` being each segment's; half a character is left off."""
    kept: list[Segment] = []
    for segment, found in zip(row, ids, strict=True):
        fits = min(limit, len(found))
        text = segment.text
        while fits < len(found) and not segment.text.startswith(text := decode(found[:fits])):
            fits -= 1
        kept.append(Segment(text, segment.trained))
        limit -= fits
        if fits < len(found):
            break
    return [segment for segment in kept if segment.text]


def as_columns(row: Encoded) -> dict[str, Any]:
    """The row as frameworks read it where it is tokenized."""
    return {"input_ids": row.ids, "attention_mask": [1] * len(row.ids), "labels": row.labels}
