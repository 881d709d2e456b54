"""Conversation starts with the assistant.

What:
The first message, apart from a system message, is the assistant's.

Why it matters:
The model learns to speak before it is asked. ms-swift does not accept such an example, because its template needs a
question first: it is dropped and counted for ms-swift, unless token ids and labels are passed. Axolotl and
LLaMA-Factory train on it.

Evidence:
`research/parity`, the case `assistant-first`: docs/research/token-parity.md shows what each framework does with it.

Instead:
Start with the message that the assistant answers, or write `encoding: exact` under `chat`, which accepts the example
in every framework.
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
        yield RowViolation("the first message is the assistant's", str(first.get("content") or ""))


GUARD = make_row_guard("QR526", "assistant-first", "advice", __doc__, check)
