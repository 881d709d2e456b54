"""Longer than the sequence length.

What:
An example has more tokens than `training.sequence_length`, or more than the model has positions.

Why it matters:
Under `overlong: drop` the example is not trained on; under `truncate` its end is lost, which is where the answer is.
The longest examples are often the best ones.

Evidence:
Counted with the model's own tokenizer; docs/how-to/check-and-prepare-data.md shows a report. Frameworks differ in
what they do by default: Axolotl and ms-swift drop such examples, LLaMA-Factory truncates them.

Instead:
Set `training.sequence_length` to the length that the report proposes, or split the examples. Under `truncate` an
example ends with a whole character in LLaMA-Factory, up to three tokens before the limit; `encoding: exact` under
`chat` uses the full length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """More tokens than fit."""
    for number, length in enumerate(row.lengths, 1):
        if row.limit and length.tokens > row.limit:
            where = f"example {number} of {len(row.lengths)}: " if len(row.lengths) > 1 else ""
            yield RowViolation(f"{where}{length.tokens:,} tokens, the maximum is {row.limit:,}", row.all_text)


GUARD = make_row_guard("QR512", "overlong", "warning", __doc__, check)
