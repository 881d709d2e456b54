"""Preference examples as they stand in a framework's micro-batches, unpadded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow

LABELLED_PREFIXES = (("", "kl_"), ("completion_", "KL_completion_"), ("", "KL_"))
"""Of an answer's columns and its mismatched one's: LLaMA-Factory, ms-swift, TRL."""


class SeenPreference(NamedTuple):
    """Chosen and rejected conversation, or a labelled one; the mismatched conversation of KTO, and its label."""

    sides: tuple[EncodedRow, ...]
    mismatched: EncodedRow | None = None
    label: bool | None = None


def read_preferences(batches: Sequence[Mapping[str, Any]], objective: str) -> list[SeenPreference]:
    """The examples of observed micro-batches (`verify/trainer`), in their order.

    A reward model scores conversations as a whole: labels that a framework batches with them are left out.
    Raises ValueError where a batch has no such columns.
    """
    read = _read_labelled if objective == "kto" else _read_pairs
    found = [one for batch in batches for one in read(batch.get("values", {}))]
    return (
        [one._replace(sides=tuple(map(_drop_labels, one.sides))) for one in found] if objective == "reward" else found
    )


def _drop_labels(row: EncodedRow) -> EncodedRow:
    return EncodedRow(row.ids, [IGNORE_INDEX] * len(row.ids))


def _read_pairs(values: Mapping[str, object]) -> Iterator[SeenPreference]:
    if "input_ids" in values:
        both = list(_read_rows(values, ""))
        chosen, rejected = both[: len(both) // 2], both[len(both) // 2 :]
    else:
        chosen, rejected = (list(_read_rows(values, f"{side}_")) for side in ("chosen", "rejected"))
    yield from (SeenPreference(pair) for pair in zip(chosen, rejected, strict=True))


def _read_labelled(values: Mapping[str, Any]) -> Iterator[SeenPreference]:
    found = [pair for pair in LABELLED_PREFIXES if f"{pair[1]}input_ids" in values]
    if not found:
        raise ValueError("the batch has no mismatched answers")
    own, other = found[0]
    labels = values.get("label", values.get("kto_tags", ()))
    for mine, mismatched, label in zip(_read_rows(values, own), _read_rows(values, other), labels, strict=True):
        yield SeenPreference((mine,), mismatched, bool(label))


def _read_rows(values: Mapping[str, Any], prefix: str) -> Iterator[EncodedRow]:
    """Ids without padding, and labels: -100 where a token carries no loss."""
    ids, attended = values.get(f"{prefix}input_ids"), values.get(f"{prefix}attention_mask")
    if ids is None or attended is None:
        raise ValueError(f"the batch has no {prefix}input_ids with an attention mask")
    marks = next((values[key] for key in _name_masks(prefix) if key in values), None)
    for place, (tokens, mask) in enumerate(zip(ids, attended, strict=True)):
        row = [*marks[place], *([False] * len(tokens))] if marks is not None else [False] * len(tokens)
        kept = [(token, mark) for token, on, mark in zip(tokens, mask, row, strict=False) if on]
        labels = [IGNORE_INDEX if mark in (False, 0, IGNORE_INDEX) else token for token, mark in kept]
        yield EncodedRow([token for token, _ in kept], labels)


def _name_masks(prefix: str) -> tuple[str, ...]:
    shared = "KL_completion_mask" if prefix == "KL_" else "completion_mask"
    return f"{prefix}labels", f"{prefix}completion_mask", shared
