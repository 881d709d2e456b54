"""Sequences longer than the model has positions."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation


def check_qr310(config: NativeConfig) -> Iterator[NativeViolation]:
    """A sequence length over the positions of a released Qwen3 model."""
    facts, length = config.interpreted_settings.model_facts, config.interpreted_settings.sequence_length
    if facts and length and isinstance(length.value, int) and length.value > facts.max_positions:
        message = f"{length.value:,} tokens exceed the {facts.max_positions:,} positions of {facts.id}"
        yield NativeViolation(length.route, message, f"{length.route[-1]}: {facts.max_positions}")
