"""No trained token is left.

What:
A row has no token that carries loss (flags take out every turn), or all of them lie behind the sequence length.

Why it matters:
Such a row costs as much as any other and teaches nothing. A batch of nothing else has an undefined loss (nan),
which ends the run or, worse, does not.

Evidence:
Our label mask: assistant turns, from behind the header to `<|im_end|>` (`qwen_recipes/data/example_length.py`).

Instead:
Shorten the question or raise `training.sequence_length`; a row that is too long is left out under `overlong: drop`,
and where nothing that is trained fits, under `truncate` too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """Nothing trained at all, or nothing within the limit."""
    if row.without_loss:
        yield RowViolation(row.problem, row.all_text)
    for number, length in enumerate(row.lengths, 1):
        where = f"example {number} of {len(row.lengths)}: " if len(row.lengths) > 1 else ""
        if not length.loss_tokens:
            yield RowViolation(f"{where}no token carries loss", row.all_text)
        elif row.limit and length.first_loss_token >= row.limit:
            first = f"the first trained token is number {length.first_loss_token + 1:,}, {row.limit:,} fit"
            yield RowViolation(where + first, row.all_text)


GUARD = make_row_guard("QR513", "nothing-trained", "error", __doc__, check)
