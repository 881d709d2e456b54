"""Duplicate examples.

What:
An example has the same text, as the model sees it, as an earlier one.

Why it matters:
A duplicate is trained on several times per epoch, and the model memorizes it. Lee et al., "Deduplicating Training
Data Makes Language Models Better" (2022), measured ten times less memorized text after deduplication.

Evidence:
A hash of the text of every row, compared with exact sets in `tests/unit/data/test_duplicates.py`.

Instead:
`recipes data prepare --deduplicate exact`. If an example should count more, use `weight`.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR514", "duplicates", "warning", __doc__)
