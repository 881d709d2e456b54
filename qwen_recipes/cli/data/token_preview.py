"""Rows as people look at them: tokens, those that carry loss set off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import click

from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.preferences import ANSWER_KEYS, is_preference

if TYPE_CHECKING:
    from qwen_recipes.data.encoder import Encoder


@dataclass(frozen=True)
class TokenSegment:
    """Neighbouring tokens of a kind, as text."""

    text: str
    trained: bool
    control: bool
    cut: bool


@dataclass(frozen=True)
class RowPreview:
    """One row, or one answer of a pair; `problem` says why there is none."""

    name: str
    segments: list[TokenSegment] = field(default_factory=list)
    tokens: int = 0
    trained: int = 0
    cut: int = 0
    problem: str = ""

    @property
    def size_summary(self) -> str:
        """Its size in words."""
        cut = f"; {self.cut:,} beyond sequence_length" if self.cut else ""
        return self.problem or f"{self.tokens:,} tokens, {self.trained:,} of them in the loss{cut}"


def preview_row(name: str, row: Row, encoder: Encoder, limit: int | None) -> Iterator[RowPreview]:
    """What a row in our form is trained as: a pair's answers one after the other, with loss on what is scored."""
    if "columns" in row:
        yield _preview_example(name, lambda: encoder.encode_prompt(row), encoder, limit)
        return
    if not is_preference(row):
        yield _preview_example(name, lambda: encoder.encode([row])[0], encoder, limit)
        return
    sides = [side for side in ANSWER_KEYS if side in row]
    for index, side in enumerate(sides):
        encode = partial(_encode_side, row, index, encoder)
        yield _preview_example(f"{name} ({side})", encode, encoder, limit)


def _encode_side(row: Row, index: int, encoder: Encoder) -> EncodedRow:
    found: EncodedRow = encoder.encode_preference(row).list_rows()[index]
    return found


def _preview_example(name: str, encode: Callable[[], EncodedRow], encoder: Encoder, limit: int | None) -> RowPreview:
    try:
        encoded = encode()
    except (BadRowError, ValueError) as error:
        return RowPreview(name, problem=str(error))
    trained = sum(label != IGNORE_INDEX for label in encoded.labels)
    cut = max(0, len(encoded.ids) - limit) if limit else 0
    return RowPreview(name, list(_split_segments(encoded, encoder, limit)), len(encoded.ids), trained, cut)


def _split_segments(encoded: EncodedRow, encoder: Encoder, limit: int | None) -> Iterator[TokenSegment]:
    control = set(encoder.tokenizer.get_added_tokens_decoder())
    waiting: list[int] = []
    kind = (False, False, False)
    for place, (token, label) in enumerate(zip(encoded.ids, encoded.labels, strict=True)):
        now = (label != IGNORE_INDEX, token in control, limit is not None and place >= limit)
        if waiting and now != kind:
            yield TokenSegment(encoder.decode(waiting), *kind)
            waiting = []
        kind = now
        waiting.append(token)
    if waiting:
        yield TokenSegment(encoder.decode(waiting), *kind)


def format_previews(rows: Sequence[RowPreview], coloured: bool) -> str:
    """For the terminal: in colours, or with brackets around what is trained."""
    return "\n\n".join(_format_preview(row, coloured) for row in rows)


def _format_preview(row: RowPreview, coloured: bool) -> str:
    head = f"{row.name}: {row.size_summary}"
    body = "".join(map(_style_segment, row.segments)) if coloured else _bracket_trained(row.segments)
    return f"{click.style(head, bold=True) if coloured else head}\n{body}".rstrip("\n")


def _style_segment(segment: TokenSegment) -> str:
    text = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in segment.text)
    return click.style(text, fg="green" if segment.trained else None, dim=not segment.trained, bold=segment.control,
                       strikethrough=segment.cut)  # fmt: skip


def _bracket_trained(segments: Sequence[TokenSegment]) -> str:
    made, inside, cut = "", False, False
    for one in segments:
        if one.cut and not cut:
            made, cut = made + "|truncated here|", True
        if one.trained != inside:
            made += "[[" if one.trained else "]]"
            inside = one.trained
        made += "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in one.text)
    return made + ("]]" if inside else "")
