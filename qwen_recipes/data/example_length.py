"""How many tokens a row has, and which of them are trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_recipes.data.chat_rendering import Render, build_conversations
from qwen_recipes.data.rows.encode import (
    END_OF_TEXT,
    LINE_END_PATTERN,
    TURN_END,
    TURN_START,
    LossRule,
    Segment,
    split_segments,
)
from qwen_recipes.data.rows.flags import is_trained
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.token_counter import (
    CONTROL_TOKEN_PATTERN,
    COUNT_BITS,
    COUNT_MASK,
    TokenCounter,
    control_token_value,
)

if TYPE_CHECKING:
    import numpy

EMPTY_THINK_PIECES = ("<think>", "\n\n", "</think>")


class ExampleLength(NamedTuple):
    """Tokens of one text, those of them that are trained, and the place of the first."""

    tokens: int
    loss_tokens: int
    first_loss_token: int


@dataclass(frozen=True)
class LossSelection:
    """Which turns carry loss, and whether an empty think block does."""

    train_on: str
    train_empty: bool = True

    @property
    def loss_rule(self) -> LossRule:
        """The same, as rows are encoded."""
        return LossRule(self.train_on, "train-empty" if self.train_empty else "auto")

    def find_trained_turns(self, pieces: list[str], flags: Sequence[bool] = ()) -> list[tuple[int, int, bool]]:
        """Trained turns by index in `pieces`: first, one after the last, and whether an empty block is left out.

        `flags` says of each assistant turn whether it may carry loss; none means that all may.
        """
        turns: list[tuple[int, int, bool]] = []
        end = len(pieces)
        for place in range(len(pieces) - 2, 0, -2):  # from the last: many turns may lack an end of their own
            if pieces[place] == "<|im_start|>" and pieces[place + 1].startswith("assistant\n"):
                turns.append((place + 1, min(end + 1, len(pieces)), self._leaves_out_block(pieces, place)))
            end = place if pieces[place] == "<|im_end|>" else end
        turns.reverse()
        kept = flags if len(flags) == len(turns) else [True] * len(turns)
        first = len(turns) - 1 if turns and self.train_on == "last-assistant" else 0
        return [turn for turn, keep in list(zip(turns, kept, strict=True))[first:] if keep]

    def _leaves_out_block(self, pieces: list[str], start: int) -> bool:
        """Whether the turn that begins at a piece has an empty think block that is not trained."""
        empty = pieces[start + 1] == "assistant\n" and tuple(pieces[start + 2 : start + 5]) == EMPTY_THINK_PIECES
        return empty and pieces[start + 5].startswith("\n\n") and not self.train_empty


class TokenMeasurer:
    """Measures texts; one to a process."""

    def __init__(self, counter: TokenCounter, loss_selection: LossSelection) -> None:
        self.counter, self.loss_selection = counter, loss_selection
        self.control_values = {token: control_token_value(token) for token in _list_control_tokens()}

    def measure_row(
        self, row: Row, texts: Sequence[str], render: Render
    ) -> list[tuple[ExampleLength, numpy.ndarray[Any, Any]]]:
        """Each of a row's texts measured; in one that holds marks of turns which somebody typed, they are none."""
        flags = [is_trained(m) for m in row.get("messages", ()) if m["role"] == "assistant"]
        found = [self.measure_text(text, is_plain_text="text" in row, flags=flags) for text in texts]
        talks = build_conversations(row)
        said = "\0".join([message["content"] for talk in talks for message in talk])
        marked = TURN_START in said or TURN_END in said
        masked = self.loss_selection.train_on == "all" and not all(map(is_trained, row.get("messages", ())))
        if not marked and not masked:
            return found
        try:
            lengths = [
                self._measure_segments(split_segments({"messages": talk}, render, self.loss_selection.loss_rule))
                for talk in talks
            ]
        except BadRowError:  # a template that does not begin answers as Qwen's do
            return found
        return [(length, values) for length, (_, values) in zip(lengths, found, strict=True)]

    def _measure_segments(self, row: list[Segment]) -> ExampleLength:
        counts = [
            sum(value & COUNT_MASK for value in self._word_values(CONTROL_TOKEN_PATTERN.split(text))[0])
            for text, _ in row
        ]
        trained = [at for at, segment in enumerate(row) if segment.in_loss]
        if not trained:
            return ExampleLength(sum(counts), 0, sum(counts))
        return _leave_out_first_token(
            ExampleLength(sum(counts), sum(counts[at] for at in trained), sum(counts[: trained[0]]))
        )

    def measure_text(
        self, text: str, *, is_plain_text: bool = False, flags: Sequence[bool] = ()
    ) -> tuple[ExampleLength, numpy.ndarray[Any, Any]]:
        """The length of a text in tokens, and a value for each of its words, uint64 of shape (words,).

        `is_plain_text`: trained with an `<|endoftext|>` at its end.

        `flags` says of each assistant turn whether it may carry loss; none means that all may.
        """
        import numpy

        pieces = CONTROL_TOKEN_PATTERN.split(text + END_OF_TEXT if is_plain_text else text.removesuffix("\n"))
        values, ends = self._word_values(pieces)
        found = numpy.array(values, dtype=numpy.uint64)
        counts = (found & numpy.uint64(COUNT_MASK)).cumsum()
        total = int(counts[-1]) if values else 0
        if is_plain_text or self.loss_selection.train_on == "all":
            return _leave_out_first_token(ExampleLength(total, total, 0)), found
        return self._count_loss_tokens(pieces, ends, counts, total, flags), found

    def _word_values(self, pieces: list[str]) -> tuple[list[int], list[int]]:
        """The pieces' words' values, and how many there are up to each piece's end."""
        values: list[int] = []
        ends: list[int] = []
        of, control = self.counter.get_word_values, self.control_values
        for index, piece in enumerate(pieces):
            if index % 2:
                values.append(control[piece])
            elif piece:
                values += of(piece)
            ends.append(len(values))
        return values, ends

    def _count_loss_tokens(
        self,
        pieces: list[str],
        ends: list[int],
        counts: numpy.ndarray[Any, Any],
        total: int,
        flags: Sequence[bool],
    ) -> ExampleLength:
        trained, first = 0, total
        for start, end, empty in self.loss_selection.find_trained_turns(pieces, flags):
            before = int(counts[ends[start - 1] - 1]) + self._count_header_tokens(pieces, start, empty)
            kept = int(counts[ends[end - 1] - 1]) - before
            if kept > 0:
                trained += kept
                first = min(first, before)
        return ExampleLength(total, trained, first)

    def _count_header_tokens(self, pieces: list[str], start: int, has_empty_think: bool) -> int:
        """Tokens of a turn's header, an empty block with it; a line end takes the white space before more of them."""
        if has_empty_think:
            return len(("assistant", "\n", *EMPTY_THINK_PIECES)) + self._count_line_end_tokens(pieces[start + 4])
        return len(("assistant",)) + self._count_line_end_tokens(pieces[start].removeprefix("assistant"))

    def _count_line_end_tokens(self, text: str) -> int:
        found = LINE_END_PATTERN.match(text)
        return self.counter.word_cache[found.group()] & COUNT_MASK if found else 0


def _leave_out_first_token(length: ExampleLength) -> ExampleLength:
    """Nothing predicts a text's first token, so that it carries no loss."""
    if length.first_loss_token or not length.loss_tokens:
        return length
    return ExampleLength(length.tokens, length.loss_tokens - 1, 1)


def extract_word_hashes(values: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
    """The 64-bit values of words, shape (n,), as the hashes that they hold."""
    import numpy

    found: numpy.ndarray[Any, Any] = values >> numpy.uint64(COUNT_BITS)
    return found


def select_loss(train_on: str, thinking: str, row_format: str) -> LossSelection:
    """What a recipe trains: answers alone in pairs and labelled rows; an empty think block only where asked for.

    A prompt alone is measured whole: what carries loss is sampled.
    """
    if row_format == "prompt":
        return LossSelection("all", False)
    return LossSelection(
        "last-assistant" if row_format in ("preference", "kto") else train_on, thinking == "train-empty"
    )


def _list_control_tokens() -> list[str]:
    from qwen_recipes.qwen.tokenizer_files import get_control_tokens

    return list(get_control_tokens())
