"""Merge into a quantized base.

What:
An adapter that was trained on a quantized base is merged into the quantized weights. This page comes with `recipes
merge`; linting says nothing of it.

Why it matters:
Merged weights are rounded to 4 bits again, and the rounding is larger than much of what was learnt. The result is
worse than the adapter was in training, and stays quantized.

Evidence:
modelscope/ms-swift: since 4.5.0 (PR #9830) `swift export --merge_lora true` writes a 4-bit model for a QLoRA run;
reproduced with 4.6.0, where `swift merge-lora` gives bf16. LLaMA-Factory 0.9.5 refuses: "Cannot merge adapters to a
quantized model". PEFT merges into 4 bits with a warning about rounding errors.

Instead:
Load the base in bf16, put the adapter on it, merge that, and quantize the merged model afterwards if you want it
small.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Nothing yet: merging is not a part of a recipe."""
    yield from ()


GUARD = Guard("QR210", "merge-into-quantized", "error", "high", __doc__, check, checked_by="merge")
