"""An empty file.

What:
A file of rows has no byte, or no row in it.

Why it matters:
A pattern like `data/*.jsonl` takes it without a word, and the training has fewer rows than was thought.

Evidence:
`tests/unit/data/test_damaged_files.py`.

Instead:
Remove the file, or make it anew: an export was probably cut off.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR518", "empty-file", "error", __doc__)
