"""Answers too short or too similar.

What:
More than half of the examples have the same answer (without case and punctuation), or at most three tokens in the loss,
including the end of the turn, or repeat a few words over and over. Fewer than ten examples are not checked.

Why it matters:
The model learns the answer within a few steps. The loss is then near zero, and gradients are noise. A loss of 0.00
after ten steps is usually a sign of this.

Evidence:
Answers are compared by a hash of their words; tokens in the loss are counted as in training.

Instead:
Balance the answers (`weight` of a source), add reasons to them, or train a classifier. Remove repeated examples.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR533", "answers-without-information", "warning", __doc__)
