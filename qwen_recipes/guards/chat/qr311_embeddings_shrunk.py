"""Embeddings shrunk to the tokenizer's length.

What:
`shrink_embeddings: true` under `backends.axolotl.extra`.

Why it matters:
Qwen3's tokenizer has 151,669 tokens and its embedding has 151,936 rows; the rest are spare. With a smaller embedding,
the weights no longer fit the released config, or adapters and tensor-parallel servers that expect 151,936 rows.

Evidence:
The released `config.json` and tokenizers, rebuilt to their public hashes (`qwen_recipes/qwen/registry.py`). The source
of Axolotl 0.21.0: embeddings only shrink with this key; `resize_token_embeddings_to_32x` by itself rounds to 151,680,
which is fewer than the model has, and does nothing. The source of LLaMA-Factory 0.9.5 (`resize_vocab`) and ms-swift
4.6.0 (`new_special_tokens`): they only resize when the tokenizer exceeds 151,936 rows. Older advice to keep away from
those keys is out of date.
To reproduce: `research/evidence/vocabulary_size.py`.

Instead:
Remove the key. New tokens fit into the 267 spare rows (QR315 explains how to train them).
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """The key that cuts."""
    if context.get_native_value("shrink_embeddings"):
        yield Violation(
            context.get_native_route("shrink_embeddings"),
            "the embeddings are shrunk from 151,936 rows to the size of the tokenizer",
            "remove `shrink_embeddings`",
        )


GUARD = Guard("QR311", "embeddings-shrunk", "error", "high", __doc__, check, ("axolotl",))
