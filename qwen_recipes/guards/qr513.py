"""No trained token is left.

What:
A row has no token that carries loss, or all of them lie behind the sequence length.

Why it matters:
Such a row costs as much as any other and teaches nothing. A batch of nothing else has an undefined loss (nan),
which ends the run or, worse, does not.

Evidence:
Our label mask: assistant turns, from behind the header to `<|im_end|>` (`qwen_recipes/data/measure.py`).

Instead:
Shorten the question or raise `training.sequence_length`; a row that is too long is left out under `overlong: drop`,
and where nothing that is trained fits, under `truncate` too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowHit, row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.facts import RowFacts


def check(facts: RowFacts) -> Iterator[RowHit]:
    """Nothing trained at all, or nothing within the limit."""
    if not facts.length:
        return
    if not facts.length.trained:
        yield RowHit("no token carries loss", facts.said)
    elif facts.limit and facts.length.first >= facts.limit:
        yield RowHit(f"the first trained token is number {facts.length.first + 1:,}, {facts.limit:,} fit", facts.said)


GUARD = row_guard("QR513", "nothing-trained", "error", __doc__, check)
