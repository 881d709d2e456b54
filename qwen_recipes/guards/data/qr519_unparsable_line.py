"""A line that is no row.

What:
A line is not JSON: broken, cut off, not UTF-8, with NUL bytes, nested without end, or longer than 16 MiB.

Why it matters:
Frameworks differ: one stops at the line, another drops the rest of the file. The rows behind it are still read
here.

Evidence:
`tests/unit/data/test_damaged_files.py` makes each of them.

Instead:
Repair or remove the line; `recipes data prepare` leaves such lines out and lists them.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR519", "broken-row", "error", __doc__)
