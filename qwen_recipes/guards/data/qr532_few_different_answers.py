"""KTO answers that are too alike.

What:
Most of the labelled examples have one of a few answers, e.g. `A` and `B`; or nearly the same answer to a prompt is
labelled desirable in one row and undesirable in another: the same words, or a few characters that differ.

Why it matters:
KTO estimates its reference point from answers to other prompts. If those are the same text as the example's own answer,
the estimate is meaningless; ms-swift stops at such a pair (`assert rejected_response != response`) or drops examples.
Opposite labels of nearly the same answer pull the same tokens up and down: most of the two gradients cancels out.

Evidence:
`recipes` pairs each example with a different answer among the sixteen examples before it, if there is one
(`qwen_recipes/data/rows/mismatched_answers.py`). Answers to a prompt are compared without case, punctuation and spaces
(`qwen_recipes/guards/rows/opposite_labels.py`).

Instead:
Use `sft` for choices, or `dpo` with pairs of the right and the wrong answer; or add reasons to the answers. Where
labels of nearly the same answer differ, correct one of them, or keep one of the two rows.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR532", "few-different-answers", "warning", __doc__)
