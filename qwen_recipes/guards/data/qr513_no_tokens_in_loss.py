"""No token in the loss.

What:
An example has no token in the loss (flags exclude every turn), or all of them are beyond the sequence length.

Why it matters:
Such an example costs as much as any other and teaches nothing. A batch with no other examples has an undefined loss
(NaN), which may end the run.

Evidence:
The mask that `recipes` uses: assistant turns, from after the header to `<|im_end|>`
(`qwen_recipes/data/example_length.py`).

Instead:
Shorten the question or raise `training.sequence_length`. An example that is too long is dropped under `overlong:
drop`, and under `truncate` too if no token in the loss fits.
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
            yield RowViolation(f"{where}no token is in the loss", row.all_text)
        elif row.limit and length.first_loss_token >= row.limit:
            first = (
                f"the first token in the loss is number {length.first_loss_token + 1:,}, the maximum is {row.limit:,}"
            )
            yield RowViolation(where + first, row.all_text)


GUARD = make_row_guard("QR513", "nothing-trained", "error", __doc__, check)
