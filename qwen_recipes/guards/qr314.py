"""Plain text whose end is not learnt.

What:
`objective: pretrain` with LLaMA-Factory.

Why it matters:
The end of a text is `<|endoftext|>` in Qwen3's own pre-training, and what tells the model that a new one begins. With
a Base model LLaMA-Factory appends it and leaves it out of the loss; with the others it appends `<|im_end|>`, which
ends a turn of a conversation. The rest of the text is trained as it should.

Evidence:
LLaMA-Factory 0.9.5, read and its collator run with the official tokenizer: the text gets the tokenizer's own end of
sequence, and labels that equal the pad token become -100. A Base model's end of sequence and padding are the same
token. There is no key for either.

Instead:
For texts long against `sequence_length` it hardly matters: allow QR314. Otherwise take another backend.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Guard, Hit


def check(facts: Facts) -> Iterator[Hit]:
    """Plain text in LLaMA-Factory."""
    plan = facts.plan
    if plan.objective.type == "pretrain":
        base = plan.model.variant == "base"
        yield Hit(
            facts.written("objective.type"),
            "the end of a text carries no loss" if base else "texts would end with <|im_end|>, which ends a turn",
            "run.backend: axolotl",
        )


GUARD = Guard("QR314", "end-of-text-untaught", "advice", "high", __doc__, check, ("llamafactory",))
