"""Empty think blocks in the loss.

What:
A hybrid model is trained to write the empty think block itself: `chat.thinking: train-empty`, or a native key with
the same effect (`enable_thinking: true` for LLaMA-Factory's preferences, a `loss_scale` without `ignore_empty_think`
in ms-swift).

Why it matters:
If an answer has no reasoning, the hybrid template puts an empty think block before it. With loss on the block, the
model learns not to reason, even when it is asked to. Reasoning can be switched off in the prompt
(`enable_thinking=False`), without training.

Evidence:
Tested with LLaMA-Factory 0.9.5 and ms-swift 4.6.0: which tokens are in the loss under each setting (`recipes verify`
shows this for your data). ms-swift's mask was made for this: modelscope/ms-swift#5507, #8203, and
snowflakedb/ArcticTraining#286, which copied it. Axolotl 0.21.0 leaves the block out of the loss in SFT; its own ORPO
and KTO include it, but rows that `recipes` prepares do not.
To reproduce: `research/evidence/empty_think_block.py`.

Instead:
Leave `thinking` out, or write `thinking: auto`. If you want the model to stop reasoning, add QR309 to `allow` with
that reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """An empty block that is trained, by the recipe or by a native key."""
    chat = context.plan.chat
    if not context.plan.objective.chat or chat.template != "hybrid":
        return
    if chat.thinking == "train-empty":
        yield Violation(
            ("chat", "thinking"),
            "empty think blocks are in the loss: a hybrid model learns not to reason",
            "thinking: auto",
            Fix((("chat.thinking", "auto"),), safe=False),
        )
    elif _trains_empty_think(context.get_native_value("empty_think")) and (
        context.uses_llamafactory_template or context.backend.name != "llamafactory"
    ):
        name = context.get_native_key("empty_think")
        yield Violation(
            context.get_native_route("empty_think"),
            f"`{name}` puts empty think blocks in the loss",
            f"remove `{name}`",
        )


def _trains_empty_think(value: object) -> bool:
    return value is True or (isinstance(value, str) and value != "all" and "ignore_empty_think" not in value)


GUARD = Guard("QR309", "empty-think-trained", "warning", "high", __doc__, check)
