"""New tokens are not trained.

What:
Tokens are added (`tokens` in Axolotl's extra keys, `new_special_tokens` in ms-swift's), and the adapter trains
neither the embedding nor the head.

Why it matters:
A new token takes one of the embedding's spare rows, which are not trained. The adapter does not change them, so the
model can neither read nor write the token.

Evidence:
Axolotl 0.21.0 and ms-swift 4.6.0, read: both extend the tokenizer and leave training the rows to
`lora_modules_to_save` and `modules_to_save`. LLaMA-Factory 0.9.5, run: it adds both modules by itself and needs
nothing. PEFT's documentation of LoRA says the same of new tokens.

Instead:
Write `modules_to_save: [embed_tokens, lm_head]` under `method`, or use words that the tokenizer has.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

EMBEDDING_MODULES = ["embed_tokens", "lm_head"]
EMBEDDING_TRAINING_KEYS = (
    "lora_modules_to_save",
    "modules_to_save",
    "peft_trainable_token_indices",
    "target_parameters",
)


def check(context: GuardContext) -> Iterator[Violation]:
    """Added tokens, and an adapter that does not reach their rows."""
    method, extra = context.plan.method, context.plan.extra
    trained = "embed_tokens" in method.modules_to_save or any(key in extra for key in EMBEDDING_TRAINING_KEYS)
    if context.get_native_value("new_tokens") and method.adapter and not trained:
        yield Violation(
            context.get_native_route("new_tokens"),
            "the embeddings of new tokens are not trained",
            f"modules_to_save: {EMBEDDING_MODULES} under `method`",
            Fix((("method.modules_to_save", EMBEDDING_MODULES),), safe=False),
        )


GUARD = Guard("QR315", "new-tokens-untrained", "error", "high", __doc__, check, ("axolotl", "ms-swift"))
