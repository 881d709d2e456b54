"""End, padding and begin of text, as each part of the run knows them."""

from __future__ import annotations

from typing import Any

from .plain import to_plain

NAMES = ("eos", "pad", "bos")


def observe_tokens(trainer: Any) -> dict[str, Any]:
    """Ids in the model's config and generation config; texts and ids in the tokenizer, its padding and template."""
    model, tokenizer = trainer.model, find_tokenizer(trainer)
    return {
        "config": _list_ids(model.config),
        "generation_config": _list_ids(getattr(model, "generation_config", None)),
        "tokenizer": _list_ids(tokenizer)
        | {f"{name}_token": getattr(tokenizer, f"{name}_token", None) for name in NAMES},
        "padding_side": getattr(tokenizer, "padding_side", None),
        "chat_template": getattr(tokenizer, "chat_template", None),
        "vocabulary": len(tokenizer),
    }


def find_tokenizer(trainer: Any) -> Any:
    """The trainer's tokenizer, out of its processor where it has one."""
    held = trainer.processing_class or getattr(getattr(trainer, "template", None), "tokenizer", None)
    return getattr(held, "tokenizer", held)


def _list_ids(holder: object) -> dict[str, object]:
    return {f"{name}_token_id": to_plain(getattr(holder, f"{name}_token_id", None)) for name in NAMES}
