"""Preference examples as the ids that a framework trains on: nothing is left to its own reading of text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .encode import EncodedRow, to_columns
from .messages import Row
from .preferences import EncodedAnswers

if TYPE_CHECKING:
    from .renderer import RowRenderer

NO_MEDIA = {"images": None, "videos": None, "audios": None}


def to_pair_ids(row: Row, renderer: RowRenderer) -> Row:
    """Ids of the prompt and both answers, as TRL's trainers collate them, and their text (Axolotl).

    As the other shapes, raises TooLongError where nothing to learn is within the sequence length.
    """
    encoded = renderer.encode_preference(row)
    names = ("prompt", "chosen", "rejected")
    ids = dict(zip(names, (encoded.prompt, *encoded.answers), strict=True))
    return {name: renderer.decode(ids[name]) for name in names} | {f"{name}_ids": ids[name] for name in names}


def to_reward_ids(row: Row, renderer: RowRenderer) -> Row:
    """Ids of two whole conversations; what stands for the row as a whole is the longer one (Axolotl's reward model)."""
    chosen, rejected = renderer.encode_preference(row).list_rows()
    longer = max(chosen, rejected, key=lambda side: len(side.ids))
    return {**to_columns(longer), "chosen_ids": chosen.ids, "rejected_ids": rejected.ids}


def to_tokenized_pair(row: Row, renderer: RowRenderer) -> Row:
    """Columns of both conversations (LLaMA-Factory)."""
    chosen, rejected = renderer.encode_preference(row).list_rows()
    return {**_prefix_columns("chosen_", chosen), **_prefix_columns("rejected_", rejected), **NO_MEDIA}


def to_tokenized_pair_text(row: Row, renderer: RowRenderer) -> Row:
    """Both conversations' ids as the text of an answer, for our template of ms-swift (rows/ms_swift_template.py)."""
    chosen, rejected = renderer.encode_preference(row).list_rows()
    return {"messages": _wrap_answer(_dump_ids(chosen)), "rejected_response": _dump_ids(rejected)}


def to_label_ids(row: Row, renderer: RowRenderer) -> Row:
    """A labelled answer's ids beside the example that they were made of; `format_labelled` ends it."""
    return {"example": row, "encoded": renderer.encode_preference(row)}


def format_trl_label(encoded: EncodedAnswers, mismatched: EncodedAnswers, label: bool, renderer: RowRenderer) -> Row:
    """Ids of the prompt, its answer and a mismatched one, as TRL's KTO collates them, and their text (Axolotl)."""
    completion = encoded.answers[0]
    return {
        "prompt": renderer.decode(encoded.prompt),
        "completion": renderer.decode(completion),
        "label": label,
        "prompt_ids": encoded.prompt,
        "completion_ids": completion,
        "KL_completion_ids": mismatched.answers[0],
    }


def format_label_columns(
    encoded: EncodedAnswers, mismatched: EncodedAnswers, label: bool, renderer: RowRenderer
) -> Row:
    """Columns of the conversation and of the mismatched one (LLaMA-Factory)."""
    (own,), (other,) = encoded.list_rows(), mismatched.list_rows()
    return {**to_columns(own), **_prefix_columns("kl_", other), "kto_tags": label, **NO_MEDIA}


def format_label_text(encoded: EncodedAnswers, mismatched: EncodedAnswers, label: bool, renderer: RowRenderer) -> Row:
    """The ids of both as the text of an answer, for our template of ms-swift."""
    (own,), (other,) = encoded.list_rows(), mismatched.list_rows()
    said = json.dumps({"input_ids": own.ids, "labels": own.labels, "mismatched": _dump_ids(other)})
    return {"messages": _wrap_answer(said), "label": label}


def _prefix_columns(prefix: str, row: EncodedRow) -> dict[str, object]:
    return {prefix + name: value for name, value in to_columns(row).items()}


def _dump_ids(row: EncodedRow) -> str:
    return json.dumps({"input_ids": row.ids, "labels": row.labels})


def _wrap_answer(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": "tokenized"}, {"role": "assistant", "content": text}]


PREFERENCE_SHAPES = {
    "pair-ids": to_pair_ids,
    "reward-ids": to_reward_ids,
    "tokenized-pair": to_tokenized_pair,
    "tokenized-pair-text": to_tokenized_pair_text,
    "label-ids": to_label_ids,
    "tokenized-label": to_label_ids,
    "tokenized-label-text": to_label_ids,
}
LABEL_FORMATS = {
    "label-ids": format_trl_label,
    "tokenized-label": format_label_columns,
    "tokenized-label-text": format_label_text,
}
