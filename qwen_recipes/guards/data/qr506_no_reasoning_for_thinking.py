"""No reasoning for Thinking-2507.

What:
The last answer of an example has no reasoning, for a model with the Thinking-2507 template.

Why it matters:
The template puts an empty think block before such an answer, but the prompt at inference already ends with `<think>`
and one newline. The model learns not to reason, after tokens that it never sees at inference: the two newlines of the
empty block are one token.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/qwen/test_chat_templates.py`): token 271 where the prompt
has 198.

Instead:
Add reasoning to each answer, or use a hybrid or Instruct-2507 model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """A last answer without reasoning."""
    if row.variant != "thinking-2507" or not row.answers or row.row_format == "text":
        return
    last = row.answers[-1]
    content = last.get("content")
    inside = content.partition("</think>")[0].replace("<think>", "") if isinstance(content, str) else ""
    if not last.get("reasoning_content") and not (inside.strip() and inside != content):
        yield RowViolation("the last answer has no reasoning", str(content or ""))


GUARD = make_row_guard("QR506", "no-reasoning-for-thinking", "error", __doc__, check)
