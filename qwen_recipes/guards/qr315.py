"""New tokens that nothing trains.

What:
Tokens are added (`tokens` in Axolotl's extra keys, `new_special_tokens` in ms-swift's) and an adapter is trained
that reaches neither the embedding nor the head.

Why it matters:
A new token takes one of the spare rows of the embedding, which hold nothing. The adapter leaves them so: the model
can neither read the token nor write it.

Evidence:
Axolotl 0.21.0 and ms-swift 4.6.0, read: both extend the tokenizer and leave training the rows to
`lora_modules_to_save` and `modules_to_save`. LLaMA-Factory 0.9.5, run: it adds both modules by itself and needs
nothing. PEFT's documentation of LoRA says the same of new tokens.

Instead:
Write `modules_to_save: [embed_tokens, lm_head]` under `method`, or use words that the tokenizer has.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit

NEW = {"axolotl": "tokens", "ms-swift": "new_special_tokens"}
MODULES = ["embed_tokens", "lm_head"]
OTHER_WAYS = ("lora_modules_to_save", "modules_to_save", "peft_trainable_token_indices", "target_parameters")


def check(facts: Facts) -> Iterator[Hit]:
    """Added tokens, and an adapter that does not reach their rows."""
    method, extra = facts.plan.method, facts.plan.extra
    trained = "embed_tokens" in method.modules_to_save or any(key in extra for key in OTHER_WAYS)
    if facts.native(NEW) and method.adapter and not trained:
        yield Hit(
            facts.native_route(NEW),
            "the rows of new tokens are never trained",
            f"modules_to_save: {MODULES} under `method`",
            Fix((("method.modules_to_save", MODULES),), safe=False),
        )


GUARD = Guard("QR315", "new-tokens-untrained", "error", "high", __doc__, check, ("axolotl", "ms-swift"))
