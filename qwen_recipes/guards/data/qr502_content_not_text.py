"""Content that is not text.

What:
A message's `content` is a map or a number instead of text, or a list with a part that is none: a picture, a sound.

Why it matters:
The templates of hybrid, Instruct-2507 and Thinking-2507 write nothing for content that is a list, silently. In a
system message it fails, and the Base template always fails. The content is lost.

Evidence:
Our run with the official templates and tokenizer, repeated by `tests/unit/guards/test_row_guards.py`. A file of that
shape is among LLaMA-Factory 0.9.5's own examples.

Instead:
Lists of text parts are joined when examples are read. Leave out pictures and sounds: a text model cannot use them.
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
