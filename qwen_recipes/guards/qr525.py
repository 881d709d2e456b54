"""An answer that says nothing.

What:
An assistant's turn has neither text nor tool calls.

Why it matters:
The one trained token is `<|im_end|>`: the model learns to stop at once. A few such rows are enough to make it
do so now and then.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/test_row_guards.py`: one trained
token.

Instead:
Remove the row, or write the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowHit, row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.facts import RowFacts


def check(facts: RowFacts) -> Iterator[RowHit]:
    """The first answer without a word."""
    for turn in facts.answers:
        content = turn.get("content")
        if (content is None or (isinstance(content, str) and not content.strip())) and not turn.get("tool_calls"):
            yield RowHit("an empty answer", "")
            return


GUARD = row_guard("QR525", "empty-answer", "warning", __doc__, check)
