"""Rows that are nearly the same.

What:
Rows that share at least 80 % of their three-word sequences with an earlier row, by a sketch of 40 hash
functions (MinHash).

Why it matters:
Templates filled in by a program, or one text with a few words changed, count as many rows and teach as one. The
estimate has a standard error of about 6 %: look at some before removing them.

Evidence:
`tests/unit/data/test_duplicates.py` compares the sketch with the exact share on made-up rows. The method:
Broder (1997).

Instead:
Look at the pairs that are named; `recipes data prepare --deduplicate near` keeps the first of each.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR515", "near-duplicates", "advice", __doc__)
