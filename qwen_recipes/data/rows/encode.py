"""Ids and labels: which tokens of a row the model sees, and which of them it learns.

What carries loss: of each trained turn (`train_on`, less those that a flag takes out) the words after
`<|im_start|>assistant` and its line end, and the `<|im_end|>` that ends it; never the newline after that, which is left
off at the end of a row. An empty think block at the start of an answer carries none unless `thinking` is `train-empty`.
A line end that goes on into the answer is the mark's, as it is one token. Plain text is trained whole, with an
`<|endoftext|>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .flags import is_trained
from .messages import BadRowError, Message, Row

IGNORE_INDEX = -100
TURN_START, TURN_END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
ANSWER_START = TURN_START + "assistant\n"
EMPTY_THINK_BLOCK = "<think>\n\n</think>\n\n"
LINE_END_PATTERN = re.compile("[\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*[\r\n]")
"""What Qwen3's tokenizer takes as one token from a line end on: all white space up to the last line end."""
MARKER_PLACEHOLDERS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Code points that no text may hold."""

Render = Callable[[list[Message]], str]
Tokenize = Callable[[list[str]], Sequence[Sequence[int]]]


class LossRule(NamedTuple):
    """Which turns carry loss (`assistant`, `last-assistant`, `all`), and whether empty think blocks do."""

    train_on: str = "assistant"
    thinking: str = "auto"


class Segment(NamedTuple):
    """Text that carries loss or does not, between two places where every tokenizer of Qwen3 cuts."""

    text: str
    in_loss: bool


class EncodedRow(NamedTuple):
    """A row's token ids, and its labels: the id where it carries loss, else -100."""

    ids: list[int]
    labels: list[int]

    @property
    def has_loss(self) -> bool:
        """Whether any token carries loss."""
        return any(label != IGNORE_INDEX for label in self.labels)


def encode_rows(rows: Sequence[Row], render: Render, tokenize: Tokenize, rule: LossRule) -> list[EncodedRow]:
    """Ids and labels of rows in our form. Raises BadRowError for the first that has none."""
    cut = [split_segments(row, render, rule) for row in rows]
    texts = list(dict.fromkeys(segment.text for row in cut for segment in row))
    ids = dict(zip(texts, tokenize(texts), strict=True)) if texts else {}
    return [_join_segments(row, ids) for row in cut]


def split_segments(row: Row, render: Render, rule: LossRule) -> list[Segment]:
    """The row's text, cut where loss begins and ends. Raises BadRowError."""
    if "text" in row:
        return [Segment(row["text"] + END_OF_TEXT, True)]
    messages, restore = _escape_markers(row["messages"])
    text = render(messages).removesuffix("\n")
    if rule.train_on == "all":
        cut = _split_all(text, messages)
    else:
        blocks = list(_split_turns(text))
        trained = _find_trained_blocks(blocks, messages, rule)
        cut = (part for place, block in enumerate(blocks) for part in _split_block(block, place in trained, rule))
    return [Segment(restore(segment.text), segment.in_loss) for segment in _merge_segments(cut)]


def _split_all(text: str, messages: list[Message]) -> Iterator[Segment]:
    """Everything in the loss but the turns that a flag takes out, each with the line end behind it."""
    if all(map(is_trained, messages)):
        yield Segment(text, True)
        return
    before, *blocks = _split_turns(text)
    if len(blocks) != 2 * len(messages):
        raise BadRowError("the chat template does not write a turn for each message, so that none can be left out")
    yield Segment(before, True)
    for place, block in enumerate(blocks):
        yield Segment(block, is_trained(messages[place // 2]))


def _find_trained_blocks(blocks: list[str], messages: list[Message], rule: LossRule) -> set[int]:
    """The places of the answers that carry loss. Raises BadRowError for a template that begins them otherwise."""
    answers = [place for place, block in enumerate(blocks) if block.startswith(ANSWER_START)]
    flags = [is_trained(message) for message in messages if message["role"] == "assistant"]
    if len(answers) != len(flags):
        raise BadRowError(f"the chat template does not begin each answer with {ANSWER_START!r}")
    first = len(answers) - 1 if rule.train_on == "last-assistant" else 0
    return {place for place, kept in list(zip(answers, flags, strict=True))[first:] if kept}


def _split_block(block: str, in_loss: bool, rule: LossRule) -> Iterator[Segment]:
    if not in_loss:
        yield Segment(block, False)
        return
    empty = rule.thinking == "auto" and block.startswith(EMPTY_THINK_BLOCK, len(ANSWER_START))
    head = len(ANSWER_START) + (len(EMPTY_THINK_BLOCK) if empty else 0)
    found = LINE_END_PATTERN.match(block, head)
    head = found.end() if found else head
    yield Segment(block[:head], False)
    yield Segment(block[head:], True)


def _split_turns(text: str) -> Iterator[str]:
    """The text cut before each start of a turn and after its end."""
    before, *rest = text.split(TURN_START)
    yield before
    for block in rest:
        body, end, after = block.partition(TURN_END)
        yield TURN_START + body + end
        yield after


def _merge_segments(parts: Iterator[Segment]) -> Iterator[Segment]:
    held = Segment("", False)
    for part in parts:
        if part.in_loss == held.in_loss:
            held = Segment(held.text + part.text, part.in_loss)
            continue
        if held.text:
            yield held
        held = part
    if held.text:
        yield held


def _escape_markers(messages: list[Message]) -> tuple[list[Message], Callable[[str], str]]:
    """Messages in which marks of turns that somebody typed are no marks, and what puts them back into text."""
    whole = "".join(message["content"] for message in messages)
    if TURN_START not in whole and TURN_END not in whole:
        return messages, str
    start, end = [mark for mark in MARKER_PLACEHOLDERS if mark not in whole][:2]
    safe = [{**m, "content": m["content"].replace(TURN_START, start).replace(TURN_END, end)} for m in messages]
    return safe, lambda text: text.replace(start, TURN_START).replace(end, TURN_END)


def _join_segments(row: list[Segment], ids: dict[str, Sequence[int]]) -> EncodedRow:
    tokens: list[int] = []
    labels: list[int] = []
    for text, trained in row:
        found = ids[text]
        tokens += found
        labels += found if trained else [IGNORE_INDEX] * len(found)
    labels[:1] = [IGNORE_INDEX]  # nothing predicts the first token
    return EncodedRow(tokens, labels)


def truncate_encoded(row: EncodedRow, limit: int) -> EncodedRow:
    """The row's first `limit` tokens."""
    return EncodedRow(row.ids[:limit], row.labels[:limit])


def truncate_segments(
    row: list[Segment], ids: Sequence[Sequence[int]], decode: Callable[[Any], str], limit: int
) -> list[Segment]:
    """The text of the row's first `limit` tokens, `ids` being each segment's; half a character is left off."""
    kept: list[Segment] = []
    for segment, found in zip(row, ids, strict=True):
        fits = min(limit, len(found))
        text = segment.text
        while fits < len(found) and not segment.text.startswith(text := decode(found[:fits])):
            fits -= 1
        kept.append(Segment(text, segment.in_loss))
        limit -= fits
        if fits < len(found):
            break
    return [segment for segment in kept if segment.text]


def to_columns(row: EncodedRow) -> dict[str, object]:
    """The row as frameworks read it where it is tokenized."""
    return {"input_ids": row.ids, "attention_mask": [1] * len(row.ids), "labels": row.labels}
