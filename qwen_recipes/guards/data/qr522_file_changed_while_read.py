"""File changed while it was read.

What:
The size of the file at the end of reading is not its size at the beginning.

Why it matters:
Something still writes to the file. The data that is trained on is not the data that was checked.

Evidence:
`tests/unit/data/test_damaged_files.py`: a file that grows meanwhile.

Instead:
Wait until the file is complete, and check it again.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR522", "changed-file", "warning", __doc__)
