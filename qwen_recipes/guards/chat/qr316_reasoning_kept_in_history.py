"""Reasoning kept in the history.

What:
`preserve_thinking: true` under `backends.llamafactory.extra` or `backends.ms-swift.extra`, for a hybrid or Thinking
template.

Why it matters:
At inference Qwen3's templates remove the reasoning of every earlier turn. A model that is trained with it learns to
answer prompts that it never sees, and every example is longer.

Evidence:
The official hybrid and Thinking-2507 templates, rendered (`tests/unit/qwen/test_chat_templates.py`). Tested with
LLaMA-Factory 0.9.5 and ms-swift 4.6.0: with the key, earlier turns keep their think blocks; without it, the last turn
is rendered as by the official template (hiyouga/LlamaFactory#8496). Qwen3.6 and later have such a flag in their own
template.

Instead:
Remove the key.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """The key, under a template that strips."""
    chat = context.plan.chat
    if (
        context.plan.objective.chat
        and context.get_native_value("preserve_thinking") is True
        and chat.template in ("hybrid", "thinking-2507")
    ):
        yield Violation(
            context.get_native_route("preserve_thinking"),
            f"the {chat.template} template removes the reasoning of earlier turns, but this keeps it in training",
            "remove `preserve_thinking`",
        )


GUARD = Guard("QR316", "history-keeps-reasoning", "warning", "high", __doc__, check, ("llamafactory", "ms-swift"))
