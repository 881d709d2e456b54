"""Reasoning is trained away.

What:
A Thinking-2507 model is trained on empty think blocks (`chat.thinking: train-empty`), or LLaMA-Factory gets
`enable_thinking: false` where its own template renders the examples (preferences), which removes all reasoning from
them.

Why it matters:
A model that sees only answers without reasoning stops reasoning. A Thinking-2507 model has no other mode, and its
prompt already opens a think block; a hybrid model loses one of its two modes.

Evidence:
modelscope/ms-swift#4854, #5793, #5927 and #8203: models that stopped thinking, or open a block and do not close it,
after training on rows without reasoning. Tested with LLaMA-Factory 0.9.5: with `enable_thinking: false`, reasoning is
deleted from every turn and replaced by an empty block without loss. Unsloth's guide for Qwen3 advises a mix with about
75% of the rows with reasoning. A recipe does not show whether its data has reasoning; `recipes data check` counts the
rows that have.
To reproduce: `research/evidence/empty_think_block.py`.

Instead:
Leave `thinking` out, and keep reasoning in about three of four examples. If you want a model that does not reason,
train Instruct-2507.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

REASONING_TEMPLATES = ("hybrid", "thinking-2507")


def check(context: GuardContext) -> Iterator[Violation]:
    """Settings that leave no reasoning in any row of a model that reasons."""
    chat = context.plan.chat
    if not context.plan.objective.chat or chat.template not in REASONING_TEMPLATES:
        return
    if chat.template == "thinking-2507" and chat.thinking == "train-empty":
        yield Violation(
            ("chat", "thinking"),
            "a Thinking-2507 model is trained not to reason, and has no other mode",
            "thinking: auto",
            Fix((("chat.thinking", "auto"),), safe=False),
        )
    if context.uses_llamafactory_template and context.get_native_value("thinking_switch") is False:
        yield Violation(
            context.get_native_route("thinking_switch"),
            "`enable_thinking: false` removes the reasoning from every example",
            "remove `enable_thinking`",
        )


GUARD = Guard("QR308", "thinking-lost", "warning", "medium", __doc__, check)
