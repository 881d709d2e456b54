"""Empty system message.

What:
A system message has no text, and there are no tool definitions for it.

Why it matters:
The official templates write an empty system turn for it, five tokens that a prompt without a system message does not
have, so the model is trained on a different beginning from the one at inference. ms-swift leaves the empty turn out;
Axolotl and LLaMA-Factory keep it.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`). What the frameworks do with
it: `research/parity`, the case `empty-system` in docs/research/token-parity.md.

Instead:
Remove the empty message. If it is intended, `encoding: exact` under `chat` gives the same tokens in every framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """A first message that is the system's and comes out empty in our form."""
    plain = row.normalized or {}
    first = next(iter(plain.get("messages") or plain.get("prompt") or ()), None)
    if first and first["role"] == "system" and not first["content"]:
        yield RowViolation("an empty system message")


GUARD = make_row_guard("QR527", "empty-system", "advice", __doc__, check)
