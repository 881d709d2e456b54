"""Think tags that do not pair.

What:
In an answer a think tag is unclosed, there are two blocks, text stands before the block, `</think>` is
mentioned in the words of the answer, or `reasoning_content` comes with think tags as well.

Why it matters:
The templates look for the bare text `</think>`: what is before it becomes reasoning, what stands between two
blocks is lost, and an unclosed `<think>` gets an empty block put before it. Nothing is reported.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/test_row_guards.py`: the text that
each of these becomes.

Instead:
One block at the beginning of the answer, `<think>`, reasoning, `</think>`, answer; or `reasoning_content`.
Write the tag's name in words where an answer is about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowHit, row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.facts import RowFacts


def check(facts: RowFacts) -> Iterator[RowHit]:
    """The first answer whose tags are not one block at its beginning."""
    if facts.variant == "instruct-2507" or "think>" not in facts.said:
        return
    for turn in facts.answers:
        content = turn.get("content")
        if isinstance(content, str) and (wrong := _wrong(content, facts.variant, turn.get("reasoning_content"))):
            yield RowHit(wrong, content)
            return


def _wrong(content: str, variant: str, reasoning: object) -> str:
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


GUARD = row_guard("QR507", "think-tags", "error", __doc__, check)
