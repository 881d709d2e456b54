"""A file that is not text.

What:
A file begins like a zip archive, an Excel file, a PDF, a picture, a program or a Git LFS pointer, whatever its name
says.

Why it matters:
Frameworks that go by the name of a file read noise, or fail with a message about a byte.

Evidence:
`tests/unit/data/test_damaged_files.py`: a zip named .jsonl.

Instead:
Unpack or convert it: JSON, CSV, text, Parquet or Arrow, compressed or not (docs/data.md).
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR521", "not-text", "error", __doc__)
