"""New tokens are not trained.

What:
Tokens are added (`tokens` in Axolotl's extra keys, `new_special_tokens` in ms-swift's), and the adapter trains
neither the embedding nor the head.

Why it matters:
A new token takes one of the embedding's spare rows, which are not trained. The adapter does not change them, so the
model can neither read nor write the token.

Evidence:
The source of Axolotl 0.21.0 and ms-swift 4.6.0: both extend the tokenizer, but only train the new rows with
`lora_modules_to_save` or `modules_to_save`. Tested with LLaMA-Factory 0.9.5: it adds both modules itself, so no
setting is needed. PEFT's documentation of LoRA says the same of new tokens.

Instead:
Write `modules_to_save: [embed_tokens, lm_head]` under `method`, or use words that the tokenizer has.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import EMBEDDING_MODULES

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
            f"modules_to_save: {list(EMBEDDING_MODULES)} under `method`",
            Fix((("method.modules_to_save", list(EMBEDDING_MODULES)),), safe=False),
        )


GUARD = Guard("QR315", "new-tokens-untrained", "error", "high", __doc__, check, ("axolotl", "ms-swift"))
