"""Empty answer.

What:
An assistant turn has neither text nor tool calls.

Why it matters:
The only token in the loss is `<|im_end|>`: the model learns to stop at once. A few such examples are enough for it to
happen sometimes.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): one token is in the loss.

Instead:
Remove the example, or write the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first answer without text or tool calls."""
    for turn in row.answers:
        content = turn.get("content")
        if (content is None or (isinstance(content, str) and not content.strip())) and not turn.get("tool_calls"):
            yield RowViolation("an empty answer", "")
            return


GUARD = make_row_guard("QR525", "empty-answer", "warning", __doc__, check)
