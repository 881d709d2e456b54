"""A role that no template knows.

What:
A message's role is none that frameworks and APIs use (docs/data.md lists them), and `roles` of the source does not say
which of ours it is.

Why it matters:
Qwen3's templates write nothing for a role they do not know: the message vanishes, without an error. A
conversation in ShareGPT's roles, read as `messages`, becomes the empty text.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/guards/test_row_guards.py`: all four
templates give the empty text for `human` and `gpt`.

Instead:
Map them: `roles: {customer: user, agent: assistant}` of the source.
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
