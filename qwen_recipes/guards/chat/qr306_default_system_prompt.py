"""System prompt added by the framework.

What:
A native key under `backends.*.extra` adds a default system prompt: `default_system` or `template: qwen`
(LLaMA-Factory), `system` or `template: qwen2_5` (ms-swift), `default_system_message` or `chat_template: qwen_25`
(Axolotl).

Why it matters:
Qwen3 has no default system prompt; Qwen2.5 had one. Examples without a system message are then trained after a prompt
that is neither in the data nor in the saved template. At inference nobody sends that prompt, and the model behaves
differently.

Evidence:
Tested with the four official templates: none inserts a system message (`tests/unit/qwen/test_chat_templates.py`).
Tested with LLaMA-Factory 0.9.5: `template: qwen` adds "You are Qwen, created by Alibaba Cloud". The source of ms-swift
4.6.0, and a test with it: `system` is put before every row that has no system message, and `system: null` trains with
the prompt "None". The source of Axolotl 0.21.0: `default_system_message` applies to its ChatML template; other
templates drop it silently.
To reproduce: `research/evidence/default_system_prompt.py`.

Instead:
Write the system message into the examples, as the first message of each, and send the same one at inference.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import load_native_traits
from qwen_recipes.backends.native_modules import list_native_frameworks
from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys that say a prompt, and templates that bring one."""
    if not context.plan.objective.chat:
        return
    said, template = context.get_native_value("system_prompt"), context.get_native_value("chat_template")
    if said:
        yield Violation(
            context.get_native_route("system_prompt"),
            "examples without a system message get one that Qwen3 does not have",
            f"remove `{context.get_native_key('system_prompt')}`, and write the message into the data",
        )
    if template in _list_qwen2_templates(context.backend.name):
        name = context.get_native_key("chat_template")
        yield Violation(
            context.get_native_route("chat_template"),
            f"`{name}: {template}` is the template of Qwen2.5, which adds a system prompt",
            f"remove `{name}`",
        )


def _list_qwen2_templates(backend: str) -> list[str]:
    """The framework's templates that are Qwen2.5's."""
    if backend not in list_native_frameworks():
        return []
    return [name for name, variants in load_native_traits(backend).template_variants.items() if not variants]


GUARD = Guard("QR306", "default-system-prompt", "error", "high", __doc__, check)
