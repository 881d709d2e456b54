"""Answers so short or so alike that the loss falls to nothing.

What:
More than half of the rows have the same answer, or no more than three tokens in the loss, the end of the turn among
them. Files of fewer than twenty rows are not judged.

Why it matters:
The model learns the one answer within a few steps; the loss is then near zero, and gradients are noise. A loss of 0.00
after ten steps is this more often than it is success.

Evidence:
Answers are compared by a hash of their text, tokens in the loss are counted as in training.

Instead:
Balance the answers (`weight` of a source), let them say why, or train a classifier. Remove rows that only repeat.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR533", "answers-without-information", "warning", __doc__)
