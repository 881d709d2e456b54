"""End of text not in the loss.

What:
`objective: pretrain` with LLaMA-Factory, or with ms-swift if the model is not a Base model, where the framework
tokenizes: `chat.encoding: native`, or examples that cannot be passed to LLaMA-Factory as token ids (packed or
streamed).

Why it matters:
In Qwen3's own pre-training a text ends with `<|endoftext|>`, which tells the model that a new text begins. With a
Base model, LLaMA-Factory appends it and leaves it out of the loss. With other models, LLaMA-Factory and ms-swift
append `<|im_end|>`, which ends a turn of a conversation. The rest of the text is trained correctly.

Evidence:
The source of LLaMA-Factory 0.9.5, and a test of its collator with the official tokenizer: the text gets the tokenizer's
own end of sequence, and labels that equal the pad token become -100. A Base model's end of sequence and padding are the
same token. No key changes either. Tested with ms-swift 4.6.0: `objective: pretrain` in docs/research/token-parity.md.
If token ids and labels are passed instead, the first batches of both trainers match: docs/research/trainer-values.md.

Instead:
If your texts are much longer than `sequence_length`, this hardly matters, and you can add QR314 to `allow`. Otherwise
leave `chat.encoding` out or write `encoding: exact`, which passes token ids and labels; with LLaMA-Factory set
`packing: false` and read rows from files, or use another backend.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

EXACT_ENCODING_FIX = Fix((("chat.encoding", "exact"),), safe=False)
ENDS_TURN_MESSAGE = "texts end with <|im_end|>, which ends a turn"


def check(context: GuardContext) -> Iterator[Violation]:
    """Plain text in LLaMA-Factory, and in ms-swift where the tokenizer's end of sequence ends a turn."""
    plan = context.plan
    if plan.objective.type != "pretrain" or plan.chat.exact or not context.backend.tokenizes_differently(plan):
        return
    message = "the end of a text is not in the loss" if plan.model.variant == "base" else ENDS_TURN_MESSAGE
    at = context.locate_field("objective.type")
    if plan.backend == "llamafactory" and (plan.training.packing or plan.data.streaming):
        yield Violation(at, message, "run.backend: axolotl")
    else:
        yield Violation(at, message, "encoding: exact under `chat`", EXACT_ENCODING_FIX)


GUARD = Guard("QR314", "end-of-text-untaught", "advice", "high", __doc__, check, ("llamafactory", "ms-swift"))
