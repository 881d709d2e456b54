"""Unknown role.

What:
A message has a role that frameworks and APIs do not use (docs/reference/data-formats.md lists those they do), and
`roles` of the source does not map it.

Why it matters:
Qwen3's templates write nothing for an unknown role: the message disappears silently. A conversation with ShareGPT's
roles that is read as `messages` becomes empty.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): all four templates produce
empty text for `human` and `gpt`.

Instead:
Correct the role, or map it with `roles` of the source, e.g. `roles: {customer: user, agent: assistant}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow

KNOWN_ROLES = ("system", "user", "assistant", "tool", "text")


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first role that is unknown."""
    for turn in row.turns:
        if turn.get("role") not in KNOWN_ROLES:
            yield RowViolation(f"unknown role {turn.get('role')!r}", str(turn.get("content") or ""))
            return


GUARD = make_row_guard("QR501", "unknown-role", "error", __doc__, check)
