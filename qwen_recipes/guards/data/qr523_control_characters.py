"""Characters that are not meant to be read.

What:
Text with NUL or other control characters, a lone half of a surrogate pair, or U+FFFD, the mark of a lost
character.

Why it matters:
They come from text that was decoded wrongly. The model learns to write them, and a lone surrogate can't be
encoded at all.

Evidence:
`tests/unit/guards/test_row_guards.py`; the tokenizers library refuses lone surrogates.

Instead:
Read the source again with the right encoding, or take the characters out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow

CONTROL_CHARACTER_PATTERN = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd\ud800-\udfff]")


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first of them."""
    if row.all_text.isprintable():
        return
    found = CONTROL_CHARACTER_PATTERN.search(row.all_text)
    if found:
        text = row.all_text[max(0, found.start() - 20) : found.start() + 40]
        yield RowViolation(f"U+{ord(found[0]):04X} in the text", text)


GUARD = make_row_guard("QR523", "control-characters", "warning", __doc__, check)
