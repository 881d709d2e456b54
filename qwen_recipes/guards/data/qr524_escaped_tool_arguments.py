"""Escaped letters in tool arguments.

What:
`arguments` is text that writes non-ASCII letters as escapes: `\\u5317` instead of the letter.

Why it matters:
Templates write arguments that are text as they are, and those that are an object with their letters. The model learns
to answer in escapes, at four or more tokens per letter.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/guards/test_row_guards.py`: the escape
stands in the rendered text.

Instead:
Give `arguments` as an object, or dump it with `ensure_ascii=False`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first call whose text holds an escape."""
    for turn in row.answers:
        for call in turn.get("tool_calls") or ():
            inner = call.get("function", call) if isinstance(call, dict) else {}
            text = inner.get("arguments") if isinstance(inner, dict) else None
            if isinstance(text, str) and "\\u" in text:
                yield RowViolation("escaped letters in `arguments`", text)
                return


GUARD = make_row_guard("QR524", "escaped-arguments", "warning", __doc__, check)
