"""A file that is not text.

What:
A file begins like gzip, zip, zstd, Parquet, Arrow or UTF-16, whatever its name says.

Why it matters:
Frameworks that go by the name of a file read noise, or fail with a message about a byte.

Evidence:
`tests/unit/data/test_damaged_files.py`: a gzip named .jsonl.

Instead:
Unpack or convert it: jsonl, json, csv in UTF-8, or Parquet under its own name.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR521", "not-text", "error", __doc__)
