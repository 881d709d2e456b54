"""The first batches as the trainer gets them: every key, and the text that the ids stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plain import name_class, to_plain
from .tokens import find_tokenizer

MOST_NUMBERS = 8192
IGNORED = -100
DEEPEST = 6
MASKS = ("completion_mask", "assistant_masks", "loss_mask")


def observe_batches(trainer: Any, batches: list[Any], counted: Any) -> dict[str, Any]:
    """Micro-batches in order; `items` is the number that their loss is divided by, None where each takes its mean.

    Of a tensor with more than 8192 numbers the first are kept, as one list.
    """
    tokenizer = find_tokenizer(trainer)
    return {
        "items": to_plain(counted),
        "order": _list_samplers(trainer.callback_handler.train_dataloader),
        "micro_batches": [describe_batch(batch, tokenizer) for batch in batches],
    }


def _list_samplers(loader: object) -> list[str]:
    """Classes of the loader, its batch sampler and what these wrap, outermost first."""
    found, held = [name_class(loader)], getattr(loader, "batch_sampler", None)
    while held is not None and len(found) < DEEPEST:
        found.append(name_class(held))
        held = getattr(held, "batch_sampler", None) or getattr(held, "sampler", None)
    return found


def observe_whole_batches(batches: list[Any]) -> dict[str, Any]:
    """The values of micro-batches, however large; nothing else."""
    plain = [
        {key: value.tolist() if hasattr(value, "tolist") else to_plain(value) for key, value in batch.items()}
        for batch in batches
    ]
    return {"micro_batches": [{"values": values} for values in plain]}


def observe_evaluation(trainer: Any) -> dict[str, Any] | None:
    """The first batch of the evaluation, None where there is none."""
    dataset = trainer.eval_dataset
    if dataset is None:
        return None
    name = next(iter(dataset)) if isinstance(dataset, dict) else None
    loader = trainer.get_eval_dataloader(name) if name else trainer.get_eval_dataloader()
    return describe_batch(next(iter(loader)), find_tokenizer(trainer))


def describe_batch(batch: Any, tokenizer: Any) -> dict[str, Any]:
    """Values, shapes and texts of a batch; a batch that is a list of examples gives its examples."""
    if not isinstance(batch, Mapping):
        return {"examples": [_describe_example(one) for one in batch]}
    tensors = {key: value for key, value in batch.items() if hasattr(value, "shape")}
    return {
        "values": {key: _list_values(value) for key, value in batch.items()},
        "shapes": {key: list(value.shape) for key, value in tensors.items()},
        "dtypes": {key: str(value.dtype).removeprefix("torch.") for key, value in tensors.items()},
        "attended": {key: value.sum(-1).tolist() for key, value in tensors.items() if _is_mask(key, value)},
        "texts": {key: _decode_texts(value, tokenizer) for key, value in batch.items() if key.endswith("input_ids")},
        "in_loss": _decode_tokens_in_loss(batch, tokenizer),
    }


def _describe_example(one: object) -> object:
    if not isinstance(one, Mapping):
        return to_plain(one)
    return {key: value if isinstance(value, str) else to_plain(value) for key, value in one.items()}


def _list_values(value: Any) -> Any:
    if not hasattr(value, "numel"):
        return to_plain(value)
    if value.numel() <= MOST_NUMBERS:
        return value.tolist()
    return value.flatten()[:MOST_NUMBERS].tolist()


def _is_mask(key: str, value: Any) -> bool:
    return key.endswith("attention_mask") and value.dim() == 2


def _list_rows(ids: Any) -> list[list[int]]:
    found = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    return found if found and isinstance(found[0], list) else [found]


def _decode_texts(ids: Any, tokenizer: Any) -> list[str]:
    return [tokenizer.decode([number for number in row if number >= 0]) for row in _list_rows(ids)]


def _decode_tokens_in_loss(batch: Mapping[str, Any], tokenizer: Any) -> dict[str, list[str]]:
    """Per labels or mask of completions, the text of the tokens that have loss."""
    labels = {
        key: _list_rows(value) for key, value in batch.items() if key.endswith("labels") and _has_two_dimensions(value)
    }
    kept = {key: [[number for number in row if number != IGNORED] for row in rows] for key, rows in labels.items()}
    kept |= {key: _select_by_mask(batch, key) for key in MASKS if key in batch and "input_ids" in batch}
    return {key: [tokenizer.decode(row) for row in rows] for key, rows in kept.items()}


def _has_two_dimensions(value: object) -> bool:
    return hasattr(value, "dim") and value.dim() == 2


def _select_by_mask(batch: Mapping[str, object], key: str) -> list[list[int]]:
    pairs = zip(_list_rows(batch["input_ids"]), _list_rows(batch[key]), strict=True)
    return [[number for number, on in zip(ids, mask, strict=True) if on] for ids, mask in pairs]
