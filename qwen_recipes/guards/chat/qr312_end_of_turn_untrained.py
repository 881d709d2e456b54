"""End of turn not trained in a Base model.

What:
A Base model is trained on chat with an adapter, and neither `embed_tokens` nor `lm_head` is in
`method.modules_to_save`.

Why it matters:
A Base model has hardly seen `<|im_start|>` and `<|im_end|>`: their rows in the embedding and the head are close to
random. An adapter on the linear layers does not change these rows, so the model may answer well and not stop.

Evidence:
hiyouga/LlamaFactory#7943: Qwen3-4B-Base with LoRA on all layers did not stop; full fine-tuning on the same data did.
QwenLM/Qwen3#1064 traces it to the untrained rows (Qwen2.5-7B). It does not happen to everyone, and more data and a
higher rank help, so this is only advice.

Instead:
Add `modules_to_save: [embed_tokens, lm_head]` (both, see QR208; it costs memory), use full fine-tuning, or start from
an Instruct model, which knows how a turn ends. Test whether the trained model stops before you rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import EMBEDDING_MODULES


def check(context: GuardContext) -> Iterator[Violation]:
    """An adapter on a Base model, for chat, that leaves embedding and head as they are."""
    plan = context.plan
    if plan.model.variant != "base" or not plan.method.adapter or not plan.objective.chat:
        return
    if not plan.method.modules_to_save and plan.method.start_from is None:
        yield Violation(
            context.locate_field("model.id"),
            "the Base model does not know <|im_end|>, and the adapter does not train its embedding",
            f"modules_to_save: {list(EMBEDDING_MODULES)} under `method`, or a model other than Base",
            Fix((("method.modules_to_save", list(EMBEDDING_MODULES)),), safe=False),
        )


GUARD = Guard("QR312", "end-of-turn-untrained", "advice", "medium", __doc__, check)
