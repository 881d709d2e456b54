"""Padding token equals the end of turn.

What:
`special_tokens` under `backends.axolotl.extra` sets `pad_token` to the token that ends a turn.

Why it matters:
Padding is not in the loss. If a trainer finds padding by its token, the real end of a turn is not in the loss either,
and the model does not learn to stop.

Evidence:
The source of transformers 5.20 and 5.5, and a test with both: `DataCollatorForLanguageModeling` sets every label that
equals the pad token to -100. QwenLM/Qwen#1080 and unslothai/unsloth#416 are reports of it. All four kinds of
released Qwen3 tokenizers pad with `<|endoftext|>`, which does not end a turn. A Base model's own end of sequence is
that same token, which is why chat training sets `<|im_end|>` (QR301). LLaMA-Factory and ms-swift have no key for it.
To reproduce: `research/evidence/pad_equals_eos.py`.

Instead:
Keep `pad_token: <|endoftext|>`, which the compiler writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.tokens import END_OF_TEXT


def check(context: GuardContext) -> Iterator[Violation]:
    """A pad token under `extra` that is also the end of a turn."""
    tokens, eos = context.plan.extra.get("special_tokens"), context.plan.chat.eos
    if not context.plan.objective.chat or not isinstance(tokens, Mapping):
        return
    if tokens.get("pad_token") == eos and tokens.get("eos_token", eos) == eos:
        route = ("backends", context.backend.name, "extra", "special_tokens", "pad_token")
        yield Violation(
            route,
            f"padding with {eos} removes the end of every turn from the loss",
            f"pad_token: {END_OF_TEXT}",
            Fix(((".".join(route), END_OF_TEXT),), safe=True),
        )


GUARD = Guard("QR302", "pad-equals-eos", "error", "high", __doc__, check, ("axolotl",))
