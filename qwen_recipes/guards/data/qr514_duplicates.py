"""The same row twice.

What:
Rows whose text, as the model sees it, is that of an earlier one.

Why it matters:
A row that comes three times is trained on three times an epoch: its weight was not chosen, and the model learns
it by heart. Lee et al., "Deduplicating Training Data Makes Language Models Better" (2022), measured ten times
less memorised text after deduplication.

Evidence:
A hash of the text of every row. `tests/unit/data/test_duplicates.py` compares with sets.

Instead:
`recipes data prepare --deduplicate exact`. Where a row is to count more, say so with `weight`.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR514", "duplicates", "warning", __doc__)
