"""Not a file of rows.

What:
A file begins like a web page (HTML), an archive (zip, tar, 7z), an Excel file, a PDF, an image, a program, other
binary data or a Git LFS pointer, regardless of its name; or it is plain text, and its name says Parquet or Arrow.

Why it matters:
Frameworks that go by the file name read garbage, or fail with an error about an invalid byte.

Evidence:
`tests/unit/data/test_damaged_files.py`: a zip named .jsonl.

Instead:
Unpack or convert it: JSON, CSV, text, Parquet or Arrow, compressed or not (docs/reference/data-formats.md).
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR521", "not-text", "error", __doc__)
