"""Near-duplicate examples.

What:
An example shares at least 80% of its three-word sequences with an earlier one, estimated by 40 hash functions
(MinHash).

Why it matters:
Text that was generated from a pattern, or one text with a few words changed, counts as many examples but teaches as
much as one. The estimate has a standard error of about 6%, so look at some pairs before you remove them.

Evidence:
`tests/unit/data/test_duplicates.py` compares the estimate with the exact share on synthetic rows. The method:
Broder (1997).

Instead:
Look at the pairs that are named. `recipes data prepare --deduplicate near` keeps the first of each.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR515", "near-duplicates", "advice", __doc__)
