"""Thinking switch without effect.

What:
A native key under `backends.*.extra` sets thinking where that does not change what is trained: `enable_thinking` with
ms-swift, or with LLaMA-Factory if the examples are the official template's text or the model is Instruct-2507;
`chat_template_kwargs: {enable_thinking: …}` with Axolotl.

Why it matters:
The key suggests that it decides whether reasoning is trained. In fact the examples and `chat.thinking` decide.

Evidence:
Tested with the official templates: `enable_thinking` changes the prompt for the next answer, not conversations that
already have their answers; Instruct-2507 ignores it. Tested with ms-swift 4.6.0: it is an option for inference. Tested
with LLaMA-Factory 0.9.5: only its `qwen3` template reads it. huggingface/transformers#37949 shows how it is misread.

Instead:
Remove the key. Put reasoning into the examples, or leave it out of them; `chat.thinking` decides what happens to empty
think blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """The switch, where no trained token depends on it."""
    told = context.get_native_value("thinking_switch")
    if told is not None and _has_no_effect(context, told):
        name = context.get_native_key("thinking_switch")
        yield Violation(
            context.get_native_route("thinking_switch"),
            f"`{name}` has no effect on training here",
            f"remove `{name}`",
        )


def _has_no_effect(context: GuardContext, value: object) -> bool:
    if context.backend.name == "axolotl":
        return isinstance(value, Mapping) and "enable_thinking" in value and context.plan.chat.official
    return not context.uses_llamafactory_template or context.plan.chat.template == "instruct-2507"


GUARD = Guard("QR313", "idle-thinking-switch", "warning", "high", __doc__, check)
