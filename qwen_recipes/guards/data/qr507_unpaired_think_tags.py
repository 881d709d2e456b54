"""Unpaired think tags.

What:
In an answer, a think tag is not closed, there are two think blocks, there is text before the block, `</think>` is
mentioned in the text, or `reasoning_content` is used together with think tags.

Why it matters:
The templates search for the text `</think>`: what is before it becomes reasoning, text between two blocks is lost, and
an unclosed `<think>` gets an empty block before it. Nothing is reported.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): the text that each of these
becomes.

Instead:
Write one block at the beginning of the answer (`<think>`, reasoning, `</think>`, answer), or use `reasoning_content`.
If an answer is about the tag, spell its name in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first answer whose tags are not one block at its beginning."""
    if row.variant == "instruct-2507" or "think>" not in row.all_text:
        return
    for turn in row.answers:
        content = turn.get("content")
        if isinstance(content, str) and (
            wrong := _find_tag_problem(content, row.variant, turn.get("reasoning_content"))
        ):
            yield RowViolation(wrong, content)
            return


def _find_tag_problem(content: str, variant: str, reasoning: object) -> str:
    opened, closed = content.count("<think>"), content.count("</think>")
    if not opened and not closed:
        return ""
    if reasoning:
        return "both think tags and reasoning_content"
    if opened > closed:
        return "<think> is not closed"
    if closed > 1:
        return f"{closed} think blocks: the text between them is lost"
    if not opened:
        return "" if variant == "thinking-2507" else "</think> without <think>: the text before it becomes reasoning"
    return "" if content.lstrip().startswith("<think>") else "text before the think block is lost"


GUARD = make_row_guard("QR507", "think-tags", "error", __doc__, check)
