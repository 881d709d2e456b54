"""The examples of an observed batch, unpadded and unpacked, held against our own encoder's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow
from qwen_recipes.verify.compare import DIFFERENCE_KINDS, compare_tokens
from qwen_recipes.verify.trainer_comparison.expected_rows import ExpectedRows

ALL_MATCH = "every example is one of our rows: ids and labels"


def list_sequences(batch: Mapping[str, Any]) -> list[list[EncodedRow]]:
    """The examples in each sequence of a batch with `input_ids` and `labels`; several where it is packed.

    Raises ValueError where the batch was too large to be observed whole.
    """
    values = batch.get("values", {})
    ids, labels = values.get("input_ids"), values.get("labels")
    if not ids or not labels or not isinstance(ids[0], list):
        raise ValueError("the batch has no ids and labels, or is too large to be observed whole")
    masks = values.get("attention_mask")
    flat = masks if masks and isinstance(masks[0], list) and not isinstance(masks[0][0], list) else None
    positions = values.get("position_ids") if "position_ids" in values else None
    found = []
    for place, (row, marked) in enumerate(zip(ids, labels, strict=True)):
        if positions is not None and len(positions) == len(ids) and flat is None:
            found.append(list(_split_pack(row, marked, positions[place])))
        else:
            mask = flat[place] if flat is not None else [1] * len(row)
            kept = [index for index, attended in enumerate(mask) if attended]
            found.append([EncodedRow([row[index] for index in kept], [marked[index] for index in kept])])
    return found


def _split_pack(ids: Sequence[int], labels: Sequence[int], positions: Sequence[int]) -> Iterator[EncodedRow]:
    starts = [index for index, position in enumerate(positions) if position == 0]
    for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
        yield EncodedRow(list(ids[start:end]), list(labels[start:end]))


def describe_mismatch(row: EncodedRow, expected: ExpectedRows) -> str | None:
    """How an example parts from the row of ours that is most like it; None where it is one of ours."""
    ours = max(expected.encoded, key=lambda one: _common_prefix(one, row), default=None)
    if ours is None:
        return "our encoder leaves no row"
    found = compare_tokens(ours, {"input_ids": row.ids, "labels": row.labels})
    if found.verdict == "same":
        return None
    return f"{DIFFERENCE_KINDS.get(found.kind, found.verdict)}, from token {found.position} on"


def _common_prefix(ours: EncodedRow, theirs: EncodedRow) -> tuple[int, bool, bool]:
    pairs = zip(ours.ids, theirs.ids, strict=False)
    same = next((place for place, (one, other) in enumerate(pairs) if one != other), None)
    length = min(len(ours.ids), len(theirs.ids)) if same is None else same
    return length, len(ours.ids) == len(theirs.ids), ours.labels[1:] == theirs.labels[1:]


def compare_batches(batches: Sequence[Mapping[str, object]], expected: ExpectedRows, padding: int | None) -> str:
    """`ALL_MATCH`, or how many examples are not ours and how the first of them parts.

    `padding` is the padding token: a piece of a pack that holds nothing else is no example.
    """
    examples = [row for batch in batches for sequence in list_sequences(batch) for row in sequence]
    examples = [row for row in examples if not _is_padding(row, padding)]
    wrong = [(place, problem) for place, row in enumerate(examples) if (problem := describe_mismatch(row, expected))]
    if not wrong:
        return ALL_MATCH if examples else "no example"
    place, problem = wrong[0]
    return f"{len(wrong)} of {len(examples)} examples differ; example {place}: {problem}"


def _is_padding(row: EncodedRow, padding: int | None) -> bool:
    return all(label == IGNORE_INDEX for label in row.labels) and set(row.ids) <= {padding}
