"""Empty file.

What:
A data file has no bytes, or no examples.

Why it matters:
A pattern such as `data/*.jsonl` includes it silently, and the training has fewer examples than expected.

Evidence:
`tests/unit/data/test_damaged_files.py`.

Instead:
Remove the file, or export it again: the export was probably interrupted.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR518", "empty-file", "error", __doc__)
