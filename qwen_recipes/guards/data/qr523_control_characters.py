"""Control characters in the text.

What:
Text with control characters, an unpaired surrogate, or U+FFFD, which marks a lost character. U+0000 is an error
(`QR519`).

Why it matters:
They come from text that was decoded with the wrong encoding. The model learns to write them, and an unpaired
surrogate cannot be encoded at all.

Evidence:
`tests/unit/guards/test_row_guards.py`; the tokenizers library refuses lone surrogates.

Instead:
Read the source again with the right encoding, or remove the characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow

CONTROL_CHARACTER_PATTERN = re.compile("[\x01-\x08\x0e-\x1f\x7f\ufffd\ud800-\udfff]")


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first of them."""
    if row.all_text.isprintable():
        return
    found = CONTROL_CHARACTER_PATTERN.search(row.all_text)
    if found:
        text = row.all_text[max(0, found.start() - 20) : found.start() + 40]
        yield RowViolation(f"U+{ord(found[0]):04X} in the text", text)


GUARD = make_row_guard("QR523", "control-characters", "warning", __doc__, check)
