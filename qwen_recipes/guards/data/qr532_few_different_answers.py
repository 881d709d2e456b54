"""KTO rows with few different answers.

What:
Most of the labelled rows have one of a few answers, `A` and `B` for instance.

Why it matters:
KTO estimates its reference point from answers to other prompts. Where those are the same text as the row's own, the
estimate says nothing; ms-swift stops at such a pair (`assert rejected_response != response`), or leaves rows out.

Evidence:
`recipes` gives each row a mismatched answer that differs where one of the sixteen rows before it does
(`qwen_recipes/data/rows/mismatched_answers.py`); with two answers in the whole file there is little to choose.

Instead:
Train a choice with `sft`, or `dpo` on pairs (the right answer against the wrong one); or let answers give reasons.
"""

from __future__ import annotations

from qwen_recipes.guards.rows.base import make_row_guard

GUARD = make_row_guard("QR532", "few-different-answers", "warning", __doc__)
