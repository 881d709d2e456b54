"""`roles` names a role that no row has.

What:
`roles` of a data source maps a name that none of its messages has as a role.

Why it matters:
The name is often misspelt. Rows with the intended role then cannot be read, and are dropped before training.

Evidence:
Roles are counted as they are written in the rows (`qwen_recipes/data/rows/written_roles.py`), for a sample only in its
rows.

Instead:
Write the name as it is in the rows; the message lists their other roles. Remove a name that is not needed.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR534", "roles-no-row-has", "warning", __doc__)
