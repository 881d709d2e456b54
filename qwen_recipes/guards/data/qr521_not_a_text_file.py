"""Not a text file.

What:
A file begins like gzip, zip, zstd, Parquet, Arrow or UTF-16, whatever its name is.

Why it matters:
Frameworks that go by the file name read noise, or fail with a message about a byte.

Evidence:
`tests/unit/data/test_damaged_files.py`: a gzip named .jsonl.

Instead:
Unpack or convert it: JSONL, JSON or CSV in UTF-8, or Parquet with its own suffix.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR521", "not-text", "error", __doc__)
