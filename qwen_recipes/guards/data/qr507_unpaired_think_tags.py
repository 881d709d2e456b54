"""Think tags that do not pair.

What:
In an answer a think tag is unclosed, there are two blocks, text stands before the block, `</think>` is
mentioned in the words of the answer, or `reasoning_content` comes with think tags as well.

Why it matters:
The templates look for the bare text `</think>`: what is before it becomes reasoning, what stands between two
blocks is lost, and an unclosed `<think>` gets an empty block put before it. Nothing is reported.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/guards/test_row_guards.py`: the text that
each of these becomes.

Instead:
One block at the beginning of the answer, `<think>`, reasoning, `</think>`, answer; or `reasoning_content`.
Write the tag's name in words where an answer is about it.
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
        return "think tags in the content and reasoning_content beside it"
    if opened > closed:
        return "<think> is not closed"
    if closed > 1:
        return f"{closed} think blocks: what stands between them is lost"
    if not opened:
        return "" if variant == "thinking-2507" else "</think> without <think>: what is before it becomes reasoning"
    return "" if content.lstrip().startswith("<think>") else "text before the think block is lost"


GUARD = make_row_guard("QR507", "think-tags", "error", __doc__, check)
