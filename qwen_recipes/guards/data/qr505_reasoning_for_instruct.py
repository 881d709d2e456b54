"""Reasoning for Instruct-2507.

What:
Examples with `reasoning_content` or think tags, for a model with the Instruct-2507 template.

Why it matters:
That template drops `reasoning_content` silently and keeps think tags in the content as plain text, so one file trains
two different things. The model was trained not to reason, and never sees a think block at inference.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/qwen/test_chat_templates.py`). hiyouga/LLaMA-Factory#9092
and #10282 report it.

Instead:
Remove the reasoning (`recipes data prepare --think remove`), or use a hybrid or Thinking-2507 model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Reasoning in any answer."""
    if row.variant != "instruct-2507":
        return
    for turn in row.answers:
        reasoning, content = turn.get("reasoning_content"), turn.get("content")
        if reasoning:
            yield RowViolation("reasoning_content, which the Instruct-2507 template drops", str(reasoning))
            return
        if isinstance(content, str) and ("<think>" in content or "</think>" in content):
            yield RowViolation("a think block, for a model that does not reason", content)
            return


GUARD = make_row_guard("QR505", "reasoning-for-instruct", "error", __doc__, check)
