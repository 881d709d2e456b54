"""Examples in both train and validation.

What:
A validation example has the same text as a training example.

Why it matters:
The validation loss then measures how well the example was memorized. It falls when it should rise, and early stopping
comes too late.

Evidence:
A hash of the text of every row, train and validation. Tested by `tests/unit/cli/test_data_check.py`.

Instead:
Remove the examples from one of the two. `recipes data prepare --validation 0.05` splits without leakage.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR516", "leakage", "error", __doc__)
