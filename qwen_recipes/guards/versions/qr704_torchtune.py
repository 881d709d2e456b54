"""Qwen3 in torchtune.

What:
What goes wrong with Qwen3 in torchtune. This page comes with a backend for it; linting says nothing of it.

Why it matters:
torchtune is no longer developed, and no release has Qwen3: only a checkout does. Checkouts from May to July 2025
train a wrong model, compiling makes it slower, and its tokenizer can leave the end of a turn out of the loss.

Evidence:
meta-pytorch/torchtune#2883 (development stops). 0.6.1, run: "No module named 'torchtune.models.qwen3'". Rotary
embedding before the norms of q and k, meta-pytorch/torchtune#2866 and #2809, fixed by #2822 (2025-07-07); checked:
main equals transformers exactly, the old order agrees on 67 % of top tokens. Compiled Qwen3 four times slower than
eager: pytorch/pytorch#156103, meta-pytorch/torchtune#2831 (198 s compiled, 48 s eager, 35 s with layers compiled
alone). With `tokenizer.max_seq_len` set, the last `<|im_end|>` carries no loss (run). `qwen3_4b_instruct` has the
rope base of April's model, not of Instruct-2507.

Instead:
Train with one of the three backends. If it must be torchtune: main after 2025-07-07, `compile: false`,
`max_seq_len: null`, and a builder with every size written out for the 2507 models.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Nothing yet: there is no such backend."""
    yield from ()


GUARD = Guard("QR704", "torchtune", "warning", "high", __doc__, check, checked_by="torchtune")
