"""File changed while it was read.

What:
The size of the file changed between the beginning and the end of reading.

Why it matters:
Something is still writing to the file. The data that is trained on is not the data that was checked.

Evidence:
`tests/unit/data/test_damaged_files.py`: a file that grows while it is read.

Instead:
Wait until the file is complete, and check it again.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR522", "changed-file", "warning", __doc__)
