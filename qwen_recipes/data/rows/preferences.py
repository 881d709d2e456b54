"""Preference examples as token ids: the prompt, and what is scored of each answer.

An answer's text is the official template's, up to the `<|im_end|>` that ends it; the newline after that is left off, as
in SFT. The prompt is the template's generation prompt and is never scored. Where every answer begins with an empty
think block, the block belongs to the prompt (`thinking: train-empty` scores it).

Where one side reasons and the other does not, both are scored from the generation prompt on, the empty block included:
the model is compared on both answers to one and the same prompt, and not to think is part of that answer. Where the
white space that begins an answer is one token with the prompt's line end, the prompt ends before that token on both
sides. So a pair always has one prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from .encode import (
    ANSWER_START,
    EMPTY_THINK_BLOCK,
    IGNORE_INDEX,
    LINE_END_PATTERN,
    EncodedRow,
    Tokenize,
)
from .messages import BadRowError, Message, Row

ANSWER_KEYS = ("chosen", "rejected", "completion")


class RenderChat(Protocol):
    """The conversation as text; with `prompt`, up to where the model answers."""

    def __call__(self, messages: list[Message], *, prompt: bool = False) -> str:
        """Render the messages."""


class TooLongError(BadRowError):
    """A preference example of which nothing that could be learned is within the sequence length."""


class EncodedAnswers(NamedTuple):
    """A prompt's ids, and those of each answer to it, which are scored."""

    prompt: list[int]
    answers: list[list[int]]

    @property
    def longest(self) -> int:
        """Tokens of the prompt and its longest answer."""
        return len(self.prompt) + max(map(len, self.answers))

    def truncate(self, limit: int) -> EncodedAnswers:
        """The first `limit` tokens of each side. Raises TooLongError where nothing to compare is left."""
        left = limit - len(self.prompt)
        if left <= 0:
            raise TooLongError(f"the prompt alone has {len(self.prompt)} tokens, {limit} fit")
        cut = [answer[:left] for answer in self.answers]
        if len(cut) > 1 and cut[0] == cut[1]:
            raise TooLongError(f"chosen and rejected are the same in the first {limit} tokens")
        return EncodedAnswers(self.prompt, cut)

    def list_rows(self) -> list[EncodedRow]:
        """Ids and labels of the prompt with each answer; the prompt's labels are -100."""
        masked = [IGNORE_INDEX] * len(self.prompt)
        return [EncodedRow(self.prompt + answer, masked + answer) for answer in self.answers]


def is_preference(row: Row) -> bool:
    """Whether a row in our form is a prompt with answers that are compared or labelled."""
    return "prompt" in row and "columns" not in row


def list_answers(row: Row) -> list[str]:
    """The answers of a preference example: chosen and rejected, or the completion."""
    return [row[key] for key in ANSWER_KEYS if key in row]


def encode_answers(
    prompt: list[Message], answers: Sequence[str], render: RenderChat, tokenize: Tokenize, thinking: str = "auto"
) -> EncodedAnswers:
    """Ids of a prompt and each answer. Raises BadRowError where the template changes a prompt that is answered.

    `thinking: train-empty` scores empty think blocks; anything else leaves them to the prompt.
    """
    wholes = [_render_answered(prompt, answer, render) for answer in answers]
    head = _find_head(prompt, wholes, render, thinking)
    cuts = [_extend_line_end(whole, len(head)) for whole in wholes]
    pieces = [(whole[:cut], whole[cut:]) for whole, cut in zip(wholes, cuts, strict=True)]
    heads = [list(ids) for ids in tokenize([piece[0] for piece in pieces])]
    tails = [list(ids) for ids in tokenize([piece[1] for piece in pieces])]
    shared = _count_shared(heads)
    return EncodedAnswers(
        heads[0][:shared], [before[shared:] + after for before, after in zip(heads, tails, strict=True)]
    )


def _render_answered(prompt: list[Message], answer: str, render: Callable[[list[Message]], str]) -> str:
    return render([*prompt, {"role": "assistant", "content": answer}]).removesuffix("\n")


def _find_head(prompt: list[Message], wholes: list[str], render: RenderChat, thinking: str) -> str:
    """The text that every side begins with and that is not scored."""
    asked = render(prompt) + ANSWER_START
    empty = asked + EMPTY_THINK_BLOCK
    if thinking != "train-empty" and all(whole.startswith(empty) for whole in wholes):
        return empty
    for head in (render(prompt, prompt=True), asked):
        if all(whole.startswith(head) for whole in wholes):
            return head
    raise BadRowError("the chat template renders the prompt otherwise once it is answered")


def _extend_line_end(text: str, position: int) -> int:
    """`position`, behind the white space there that is one token with the line end before it."""
    found = LINE_END_PATTERN.match(text, position)
    return found.end() if found else position


def _count_shared(heads: list[list[int]]) -> int:
    """How many first tokens all heads share."""
    shared = 0
    for tokens in zip(*heads, strict=False):
        if len(set(tokens)) > 1:
            break
        shared += 1
    return shared
