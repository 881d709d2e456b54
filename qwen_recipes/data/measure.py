"""How many tokens a row has, and which of them are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_recipes.data.rows.encode import END, END_OF_TEXT, LINE_ENDS, START, Rule, Segment, segments
from qwen_recipes.data.rows.messages import BadRow, Row
from qwen_recipes.data.texts import Render, conversations
from qwen_recipes.data.words import COUNT, COUNT_BITS, SPLIT, Counter, control_value

if TYPE_CHECKING:
    import numpy

EMPTY_BLOCK = ("<think>", "\n\n", "</think>")


class Length(NamedTuple):
    """Tokens of one text, those of them that are trained, and the place of the first."""

    tokens: int
    trained: int
    first: int


@dataclass(frozen=True)
class Loss:
    """Which turns carry loss, and whether an empty think block does."""

    train_on: str
    train_empty: bool = True

    @property
    def rule(self) -> Rule:
        """The same, as rows are encoded."""
        return Rule(self.train_on, "train-empty" if self.train_empty else "auto")

    def stretches(self, pieces: list[str]) -> list[tuple[int, int, bool]]:
        """Trained turns: their first piece, the one behind their last, and whether an empty block is left out."""
        turns = [
            self._turn(pieces, i) for i in range(1, len(pieces) - 1, 2)
            if pieces[i] == "<|im_start|>" and pieces[i + 1].startswith("assistant\n")
        ]  # fmt: skip
        return turns[-1:] if self.train_on == "last-assistant" else turns

    def _turn(self, pieces: list[str], at: int) -> tuple[int, int, bool]:
        end = at + 2
        while end < len(pieces) and pieces[end] != "<|im_end|>":
            end += 2
        empty = pieces[at + 1] == "assistant\n" and tuple(pieces[at + 2 : at + 5]) == EMPTY_BLOCK
        empty = empty and pieces[at + 5].startswith("\n\n")
        return at + 1, min(end + 1, len(pieces)), empty and not self.train_empty


class Measure:
    """Measures texts; one to a process."""

    def __init__(self, counter: Counter, loss: Loss) -> None:
        self.counter, self.loss = counter, loss
        self.control = {token: control_value(token) for token in _control_tokens()}

    def row(self, row: Row, texts: Sequence[str], render: Render) -> list[tuple[Length, numpy.ndarray[Any, Any]]]:
        """Each of a row's texts measured; in one that holds marks of turns which somebody typed, they are none."""
        found = [self.text(text, whole="text" in row) for text in texts]
        talks = conversations(row)
        if not any(mark in message["content"] for talk in talks for message in talk for mark in (START, END)):
            return found
        try:
            lengths = [self._cut(segments({"messages": talk}, render, self.loss.rule)) for talk in talks]
        except BadRow:  # a template that does not begin answers as Qwen's do
            return found
        return [(length, values) for length, (_, values) in zip(lengths, found, strict=True)]

    def _cut(self, row: list[Segment]) -> Length:
        counts = [sum(value & COUNT for value in self._values(SPLIT.split(text))[0]) for text, _ in row]
        trained = [at for at, segment in enumerate(row) if segment.trained]
        return Length(sum(counts), sum(counts[at] for at in trained), sum(counts[: trained[0]] if trained else counts))

    def text(self, text: str, *, whole: bool = False) -> tuple[Length, numpy.ndarray[Any, Any]]:
        """The length of a text and its words' values; `whole`: plain text, trained with an `<|endoftext|>` behind."""
        import numpy

        pieces = SPLIT.split(text + END_OF_TEXT if whole else text.removesuffix("\n"))
        values, ends = self._values(pieces)
        found = numpy.array(values, dtype=numpy.uint64)
        counts = numpy.cumsum(found & numpy.uint64(COUNT), dtype=numpy.int64)
        total = int(counts[-1]) if values else 0
        if whole or self.loss.train_on == "all":
            return Length(total, total, 0), found
        return self._masked(pieces, ends, counts, total), found

    def _values(self, pieces: list[str]) -> tuple[list[int], list[int]]:
        """The pieces' words' values, and how many there are up to each piece's end."""
        values: list[int] = []
        ends: list[int] = []
        of, control = self.counter.values, self.control
        for index, piece in enumerate(pieces):
            if index % 2:
                values.append(control[piece])
            elif piece:
                values += of(piece)
            ends.append(len(values))
        return values, ends

    def _masked(self, pieces: list[str], ends: list[int], counts: numpy.ndarray[Any, Any], total: int) -> Length:
        trained, first = 0, total
        for start, end, empty in self.loss.stretches(pieces):
            before = int(counts[ends[start - 1] - 1]) + self._head(pieces, start, empty)
            kept = int(counts[ends[end - 1] - 1]) - before
            if kept > 0:
                trained += kept
                first = min(first, before)
        return Length(total, trained, first)

    def _head(self, pieces: list[str], start: int, empty: bool) -> int:
        """Tokens of a turn's header, an empty block with it; a line end takes the white space before more of them."""
        if empty:
            return len(("assistant", "\n", *EMPTY_BLOCK)) + self._line_end(pieces[start + 4])
        return len(("assistant",)) + self._line_end(pieces[start].removeprefix("assistant"))

    def _line_end(self, text: str) -> int:
        found = LINE_ENDS.match(text)
        return self.counter.words[found.group()] & COUNT if found else 0


def hashes(values: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """The hashes in words' values."""
    import numpy

    found: numpy.ndarray[Any, Any] = values >> numpy.uint64(COUNT_BITS)
    return found


def loss_of(train_on: str, thinking: str, layout: str) -> Loss:
    """What a recipe trains: answers alone in pairs and labelled rows; an empty think block only where asked for.

    A prompt alone is measured whole: what carries loss is sampled.
    """
    if layout == "prompt":
        return Loss("all", False)
    return Loss("last-assistant" if layout in ("preference", "kto") else train_on, thinking == "train-empty")


def _control_tokens() -> list[str]:
    from qwen_recipes.qwen.vocabulary import control_tokens

    return list(control_tokens())
