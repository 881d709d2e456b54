"""End of text not in the loss.

What:
`objective: pretrain` with LLaMA-Factory; or with ms-swift, if the model is not a Base model and the framework
tokenizes (`chat.encoding: native`).

Why it matters:
In Qwen3's own pre-training a text ends with `<|endoftext|>`, which tells the model that another one begins. With a
Base model, LLaMA-Factory appends it and leaves it out of the loss. With other models, LLaMA-Factory and ms-swift
append `<|im_end|>`, which ends a turn of a conversation. The rest of the text is trained correctly.

Evidence:
LLaMA-Factory 0.9.5, read and its collator run with the official tokenizer: the text gets the tokenizer's own end of
sequence, and labels that equal the pad token become -100. A Base model's end of sequence and padding are the same
token. There is no key for either. ms-swift 4.6.0, run: `objective: pretrain` in docs/research/token-parity.md.

Instead:
For texts that are long against `sequence_length` it hardly matters: allow QR314. Otherwise use another backend; with
ms-swift write `encoding: exact` under `chat`, which hands over token ids and labels.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

EXACT_ENCODING_FIX = Fix((("chat.encoding", "exact"),), safe=False)
ENDS_TURN_MESSAGE = "texts would end with <|im_end|>, which ends a turn"


def check(context: GuardContext) -> Iterator[Violation]:
    """Plain text in LLaMA-Factory, and in ms-swift where the tokenizer's end of sequence ends a turn."""
    plan = context.plan
    if plan.objective.type != "pretrain":
        return
    base, at = plan.model.variant == "base", context.locate_field("objective.type")
    if context.backend.name == "llamafactory":
        yield Violation(at, "the end of a text carries no loss" if base else ENDS_TURN_MESSAGE, "run.backend: axolotl")
    elif not base and not plan.chat.exact:
        yield Violation(at, ENDS_TURN_MESSAGE, "encoding: exact under `chat`", EXACT_ENCODING_FIX)


GUARD = Guard("QR314", "end-of-text-untaught", "advice", "high", __doc__, check, ("llamafactory", "ms-swift"))
