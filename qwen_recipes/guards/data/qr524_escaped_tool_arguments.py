"""Escaped letters in tool arguments.

What:
`arguments` is text that writes non-ASCII letters as escapes: `\\u5317` instead of the letter.

Why it matters:
Templates write arguments that are text unchanged, and arguments that are an object with the real letters. With escapes
in the text, the model learns to answer in escapes, at four or more tokens per letter.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): the rendered text contains
the escape.

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
