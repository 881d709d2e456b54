"""Answer starts with a newline.

What:
The content of an assistant message starts with a newline.

Why it matters:
At inference, the prompt ends with `assistant` and a newline, which is one token. In training, the two newlines become
a different token, which the model never sees at inference.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): `\\n\\n` is
token 271, `\\n` 198. Templates that write a think block strip it in the last turn only.

Instead:
Remove newlines at the beginning of answers; `recipes data prepare --strip` does so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first answer that begins with a line break."""
    for turn in row.answers:
        content = turn.get("content")
        if isinstance(content, str) and content.startswith(("\n", "\r")):
            yield RowViolation("the answer starts with a newline", content)
            return


GUARD = make_row_guard("QR509", "leading-newline", "warning", __doc__, check)
