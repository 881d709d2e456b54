"""Sequences longer than the model's positions.

What:
`training.sequence_length` exceeds the model's `max_position_embeddings`.

Why it matters:
The model was not trained on later positions: attention there is noise. The tokenizer's `model_max_length` says nothing
about it: it is 131,072 for models with 40,960 positions, and 1,010,000 for Instruct-2507, which has 262,144.

Evidence:
`config.json` and `tokenizer_config.json` of the released models, rebuilt to their public hashes
(`qwen_recipes/qwen/registry.py`).
To reproduce: `research/evidence/vocabulary_size.py`.

Instead:
Keep `sequence_length` within the model's positions. For longer examples use a 2507 model (262,144).
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A sequence length over the model's positions."""
    length, most = context.plan.training.sequence_length, context.plan.model.max_positions
    if length > most:
        yield Violation(
            ("training", "sequence_length"),
            f"{length:,} tokens exceed the {most:,} positions of {context.plan.model.id}",
            f"sequence_length: {most}",
            Fix((("training.sequence_length", most),), safe=False),
        )


GUARD = Guard("QR310", "over-max-positions", "error", "high", __doc__, check)
