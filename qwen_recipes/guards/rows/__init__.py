"""Guards of the data: rules about rows, held against real ones by `recipes data check`."""

from __future__ import annotations

from functools import cache

from qwen_recipes.guards.rows.base import RowGuard, RowViolation

__all__ = ["FILE_PROBLEM_CODES", "RowGuard", "RowViolation", "load_row_guards"]

FILE_PROBLEM_CODES = {"broken": "QR519", "empty": "QR518", "not-text": "QR521", "changed": "QR522"}
"""The guard for each kind of trouble that reading has (`data.reading`)."""


@cache
def load_row_guards() -> tuple[RowGuard, ...]:
    """Every guard of the data, in the order of codes."""
    from qwen_recipes.guards.catalog import list_guard_codes, load_guard

    return tuple(g for c in list_guard_codes() if c.startswith("QR5") and isinstance(g := load_guard(c), RowGuard))
