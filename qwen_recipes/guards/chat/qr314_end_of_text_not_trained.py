"""Plain text whose end is not learnt.

What:
`objective: pretrain` with LLaMA-Factory, or with ms-swift where the model is no Base model, and the framework makes the
tokens: `chat.encoding: native`, or rows that LLaMA-Factory can't be handed as tokens (packed or streamed ones).

Why it matters:
The end of a text is `<|endoftext|>` in Qwen3's own pre-training, and what tells the model that a new one begins. With
a Base model LLaMA-Factory appends it and leaves it out of the loss; with the others LLaMA-Factory and ms-swift append
`<|im_end|>`, which ends a turn of a conversation. The rest of the text is trained as it should.

Evidence:
LLaMA-Factory 0.9.5, read and its collator run with the official tokenizer: the text gets the tokenizer's own end of
sequence, and labels that equal the pad token become -100. A Base model's end of sequence and padding are the same
token. There is no key for either. ms-swift 4.6.0, run: `objective: pretrain` in docs/parity.md. With ids and labels
handed over, the first batches at both trainers are our rows: docs/trainer.md.

Instead:
For texts long against `sequence_length` it hardly matters: allow QR314. Otherwise leave `chat.encoding` out or write
`encoding: exact`, which hands over ids and labels; with LLaMA-Factory set `packing: false` and read rows from files, or
take another backend.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

EXACT_ENCODING_FIX = Fix((("chat.encoding", "exact"),), safe=False)
ENDS_TURN_MESSAGE = "texts would end with <|im_end|>, which ends a turn"


def check(context: GuardContext) -> Iterator[Violation]:
    """Plain text in LLaMA-Factory, and in ms-swift where the tokenizer's end of sequence ends a turn."""
    plan = context.plan
    if plan.objective.type != "pretrain" or plan.chat.exact or not context.backend.tokenizes_differently(plan):
        return
    message = "the end of a text carries no loss" if plan.model.variant == "base" else ENDS_TURN_MESSAGE
    at = context.locate_field("objective.type")
    if plan.backend == "llamafactory" and (plan.training.packing or plan.data.streaming):
        yield Violation(at, message, "run.backend: axolotl")
    else:
        yield Violation(at, message, "encoding: exact under `chat`", EXACT_ENCODING_FIX)


GUARD = Guard("QR314", "end-of-text-untaught", "advice", "high", __doc__, check, ("llamafactory", "ms-swift"))
