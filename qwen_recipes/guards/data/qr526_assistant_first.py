"""A conversation that begins with the assistant.

What:
The first message, but for a system message, is the assistant's.

Why it matters:
The model learns to speak before it is asked, which nobody's prompt makes it do. ms-swift takes no such row: its
template puts marks around a question first. The rows program leaves the row out for ms-swift and counts it, unless ids
and labels are handed over; Axolotl and LLaMA-Factory train on it.

Evidence:
`research/parity`, the case `assistant-first`: docs/research/token-parity.md has what each framework makes of it.

Instead:
Begin with what the assistant answers, or write `encoding: exact` under `chat`, which takes the row everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first message behind the system's, where it is the assistant's."""
    if row.row_format not in ("messages", "sharegpt"):
        return
    first = next((turn for turn in row.turns if turn.get("role") != "system"), None)
    if first and first.get("role") == "assistant":
        yield RowViolation("the assistant speaks first", str(first.get("content") or ""))


GUARD = make_row_guard("QR526", "assistant-first", "advice", __doc__, check)
