"""Rows in both train and validation.

What:
A validation row has the same text as a training row.

Why it matters:
The validation loss then measures how well the row was learned by heart. It goes down when it should go up, and
early stopping stops late.

Evidence:
A hash of the text of every row, train and validation. `tests/unit/cli/test_data_check.py` has a case.

Instead:
Take them out of one of the two; `recipes data prepare --validation 0.05` splits without leaks.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR516", "leakage", "error", __doc__)
