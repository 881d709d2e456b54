"""Weighted merge of adapters.

What:
Several adapters are combined into one by weights. This page comes with `recipes merge`; linting says nothing of it.

Why it matters:
PEFT's `linear` mixes the A and the B matrices by themselves, and a product of sums is not the sum of products: what
comes out is not the weighted mean of what the adapters do. A DoRA loses its learned magnitude without a word.

Evidence:
PEFT 0.21.2, run on the CPU: against the exact weighted sum, `linear` is 85 % off on two random adapters, `svd` 32 %
at rank 8, `cat` exact (1e-7). One DoRA adapter at weight 1.0 must come out as it went in, and is 32 to 34 % off:
its magnitude is set back to the base's. Merged by itself (`merge_and_unload`), DoRA is exact to 8e-7. QDoRA trained
with TRL before 1.15 has no learned magnitude at all: it was cast to bf16 and its updates rounded to zero
(huggingface/trl#7268).
To see it again: `research/evidence/weighted_merge.py`.

Instead:
Take `cat`, which is exact and adds the ranks up. Merge DoRA adapters one at a time into the bf16 base.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Nothing yet: merging is not a part of a recipe."""
    yield from ()


GUARD = Guard("QR211", "weighted-merge", "error", "high", __doc__, check, checked_by="merge")
