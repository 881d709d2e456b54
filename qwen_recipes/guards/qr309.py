"""Empty think blocks carry loss.

What:
A hybrid model is trained to write the empty think block itself: `chat.thinking: train-empty`, or a native key with
the same effect (`enable_thinking: true` for LLaMA-Factory's preferences, a `loss_scale` without `ignore_empty_think`
in ms-swift).

Why it matters:
Where a row has no reasoning, the hybrid template puts an empty think block before the answer. With loss on it, the
model learns that the right thought is none, also where it was asked to think. Whoever wants no thinking says so in
the prompt (`enable_thinking=False`), which needs no training.

Evidence:
LLaMA-Factory 0.9.5 and ms-swift 4.6.0, run: which tokens carry loss under each setting (`recipes verify` shows
yours). The mask was made for this: modelscope/ms-swift#5507, #8203, and snowflakedb/ArcticTraining#286, which copied
it. Axolotl 0.21.0 always leaves the block out of the loss.
To see it again: `scripts/evidence/empty_thought.py`.

Instead:
Leave `thinking` out, or write `thinking: auto`. If the model is to lose its thinking on purpose, allow QR309 and say
so: whoever gets the model will want to know.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Fix, Guard, Hit

KEYS = {"llamafactory": "enable_thinking", "ms-swift": "loss_scale"}


def check(facts: Facts) -> Iterator[Hit]:
    """An empty block that is trained, by the recipe or by a native key."""
    chat = facts.plan.chat
    if not facts.plan.objective.chat or chat.template != "hybrid":
        return
    if chat.thinking == "train-empty":
        yield Hit(
            ("chat", "thinking"),
            "the empty think block is trained: a hybrid model learns not to think",
            "thinking: auto",
            Fix((("chat.thinking", "auto"),), safe=False),
        )
    elif _trains_it(facts.native(KEYS)) and (facts.own_template or facts.backend.name != "llamafactory"):
        name = KEYS[facts.backend.name]
        yield Hit(facts.native_route(KEYS), f"`{name}` puts the loss on empty think blocks", f"remove `{name}`")


def _trains_it(told: object) -> bool:
    return told is True or (isinstance(told, str) and told != "all" and "ignore_empty_think" not in told)


GUARD = Guard("QR309", "empty-think-trained", "warning", "high", __doc__, check)
