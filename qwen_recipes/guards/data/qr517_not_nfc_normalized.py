"""Text is not NFC-normalized.

What:
Text with letters and accents as separate characters (NFD), or with characters that Unicode replaces by others.

Why it matters:
The tokenizer normalizes text to Unicode NFC before it splits it: the model is not trained on the exact bytes of the
file, and decoding does not return the file's text. This matters if answers are compared exactly, or if the data is
code.

Evidence:
Tested with the official tokenizer (`tests/unit/qwen/test_tokenizer.py`): decode(encode(x)) differs from x.

Instead:
Normalize the file (`unicodedata.normalize("NFC", text)`); `recipes data prepare --strip` does so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Text that the tokenizer's normaliser changes."""
    said = row.all_text
    if said.isascii() or unicodedata.is_normalized("NFC", said):
        return
    at = next(i for i, (a, b) in enumerate(zip(said, unicodedata.normalize("NFC", said), strict=False)) if a != b)
    yield RowViolation("not in Unicode NFC", said[max(0, at - 10) : at + 30])


GUARD = make_row_guard("QR517", "not-nfc", "advice", __doc__, check)
