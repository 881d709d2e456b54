"""Content that is not text.

What:
A message's `content` is a map or a number instead of text, or a list with a part that is not text, such as an image
or audio.

Why it matters:
The templates of hybrid, Instruct-2507 and Thinking-2507 write nothing for content that is a list, silently. For a
system message they fail, and the Base template always fails. The content is lost.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`). One of LLaMA-Factory 0.9.5's
own example files looks like this.

Instead:
Lists of text parts are joined when examples are read. Remove images and audio: a text model cannot use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


_KINDS = {int: "a number", float: "a number", bool: "true or false", list: "a list"}


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first content that is neither text nor nothing."""
    for turn in row.turns:
        content = turn.get("content")
        if content is not None and not isinstance(content, str):
            yield RowViolation(f"content is {_KINDS.get(type(content), 'an object')}, not text", str(content))
            return


GUARD = make_row_guard("QR502", "content-not-text", "error", __doc__, check)
