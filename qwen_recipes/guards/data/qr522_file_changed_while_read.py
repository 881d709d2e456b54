"""A file that changed while it was read.

What:
The file's size at the end of reading is not the one that it had at the beginning.

Why it matters:
Something still writes to it. What is trained on is not what was checked.

Evidence:
`tests/unit/data/test_damaged_files.py`: a file that grows meanwhile.

Instead:
Wait until the file is written, and check it again.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR522", "changed-file", "warning", __doc__)
