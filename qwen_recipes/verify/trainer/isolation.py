"""Whether packed examples see each other: their logits in a pack, beside those of each example alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

NOT_FOR_THE_MODEL = ("labels", "length", "num_items_in_batch", "idx", "channel")
SHORTEST = 2
"""Tokens of an example; what follows an example to fill a pack up counts as many of one."""


def observe_isolation(trainer: Any, batches: list[Any]) -> dict[str, Any]:
    """Of the first batch: the number of examples, and the largest differences of their logits.

    alone     between a pack and each of its examples by itself: rounding, where they are kept apart
    end_to_end   between a pack and the same tokens as one text, after the first example: what mixing would change
    changed   in the other examples, where the first example's tokens are other ones: 0 where they are kept apart
    """
    torch = import_module("torch")
    model = trainer.model.eval()
    batch = trainer._prepare_inputs(dict(batches[0]))
    inputs = {key: value for key, value in batch.items() if key not in NOT_FOR_THE_MODEL}
    ids = inputs["input_ids"]
    found: dict[str, Any] = {"examples": 0, "alone": 0.0, "end_to_end": 0.0, "changed": 0.0}
    with torch.no_grad():
        packed = _compute_logits(model, inputs)
        for row, examples in enumerate(_list_examples(inputs)):
            if len(examples) < SHORTEST:
                continue
            found["examples"] += len(examples)
            first = examples[0][1]
            other = {**inputs, "input_ids": ids.clone()}
            other["input_ids"][row, :first] = ids[row, :first].flip(0) + 1
            changed = _compute_logits(model, other)
            whole = _compute_logits(model, {"input_ids": ids[row : row + 1]})
            for start, end in examples:
                alone = _compute_logits(model, {"input_ids": ids[row : row + 1, start:end]})
                _keep_largest(found, "alone", packed[row, start:end] - alone[0])
                if start:
                    _keep_largest(found, "end_to_end", packed[row, start:end] - whole[0, start:end])
                    _keep_largest(found, "changed", packed[row, start:end] - changed[row, start:end])
    return found


def _keep_largest(largest: dict[str, Any], name: str, difference: Any) -> None:
    largest[name] = max(largest[name], float(difference.abs().max()))


def _compute_logits(model: Any, inputs: Mapping[str, Any]) -> Any:
    return model(**inputs, use_cache=False).logits.float()


def _list_examples(inputs: Mapping[str, Any]) -> Iterator[list[tuple[int, int]]]:
    """For each row, where its examples start and end, without what fills the pack up."""
    for row in range(len(inputs["input_ids"])):
        starts = _find_starts(inputs, row)
        ends = [*starts[1:], inputs["input_ids"].shape[1]]
        yield [(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= SHORTEST]


def _find_starts(inputs: Mapping[str, Any], row: int) -> list[int]:
    """Places where an example starts: where positions start again, or what a token may attend to does."""
    if "position_ids" in inputs:
        positions = inputs["position_ids"][row].tolist()
        return [place for place, position in enumerate(positions) if position == 0]
    allowed = inputs["attention_mask"][row, 0] >= 0
    firsts = allowed.int().argmax(-1).tolist()
    return sorted(set(firsts))
