"""Line cannot be parsed.

What:
A line is not JSON: it is broken, truncated, not UTF-8, has two JSON values or U+0000 (NUL), is nested too deeply, or
is longer than 16 MiB.

Why it matters:
Frameworks differ: one stops at the line, another drops the rest of the file. `recipes` still reads the lines after it.

Evidence:
`tests/unit/data/test_damaged_files.py` tests each case.

Instead:
Repair or remove the line. `recipes data prepare` drops and lists such lines.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR519", "broken-row", "error", __doc__)
