"""Bytes of a checkpoint that is quantized already."""

from __future__ import annotations

from qwen_recipes.qwen.facts import ModelFacts


def stored_checkpoint_bytes(facts: ModelFacts) -> float | None:
    """Bytes that a quantized checkpoint takes, as its files tell or by its bits; None where it is not quantized.

    Embeddings and head stay in 16 bits, and each group of 128 weights has a scale of 16 bits.
    """
    if facts.quantization is None:
        return None
    if facts.stored_bytes is not None:
        return float(facts.stored_bytes)
    small = facts.parameters - facts.embedding_parameters
    return small * (facts.quantization.bits / 8 + 2 / 128) + 2.0 * facts.embedding_parameters
