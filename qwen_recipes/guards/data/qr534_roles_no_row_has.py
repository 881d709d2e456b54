"""`roles` names a role that no row has.

What:
`roles` of a data source gives one of our roles for a name that no message of its rows has as role.

Why it matters:
It is often a misspelt name. Rows with the role that was meant cannot be read, and are dropped before training.

Evidence:
Roles are counted as rows write them (`qwen_recipes/data/rows/written_roles.py`); of a sample, only those of its rows.

Instead:
Write the name as the rows have it; the message lists the other roles of the rows. Remove a name that is not needed.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR534", "roles-no-row-has", "warning", __doc__)
