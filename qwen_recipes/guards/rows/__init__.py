"""Guards of the data: rules about rows, held against real ones by `recipes data check`."""

from __future__ import annotations

from functools import cache

from qwen_recipes.guards.rows.base import RowGuard, RowHit

__all__ = ["TROUBLES", "RowGuard", "RowHit", "row_guards"]

TROUBLES = {"broken": "QR519", "empty": "QR518", "not-text": "QR521", "changed": "QR522"}
"""The guard for each kind of trouble that reading has (`data.reading`)."""


@cache
def row_guards() -> tuple[RowGuard, ...]:
    """Every guard of the data, in the order of codes."""
    from qwen_recipes.guards import guard_codes, guard_named

    return tuple(g for c in guard_codes() if c.startswith("QR5") and isinstance(g := guard_named(c), RowGuard))
