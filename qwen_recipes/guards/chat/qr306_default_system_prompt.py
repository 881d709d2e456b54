"""System prompt added by the framework.

What:
A native key under `backends.*.extra` adds a default system prompt: `default_system` or `template: qwen`
(LLaMA-Factory), `system` or `template: qwen2_5` (ms-swift), `default_system_message` or `chat_template: qwen_25`
(Axolotl).

Why it matters:
Qwen3 has no default system prompt; Qwen2.5 had one. Examples without a system message are then trained behind a
prompt that is neither in the data nor in the saved template. At inference nobody sends it, and the model behaves
differently from what was trained.

Evidence:
The four official templates, rendered: none inserts a system message (`tests/unit/qwen/test_chat_templates.py`).
LLaMA-Factory 0.9.5, run: `template: qwen` adds "You are Qwen, created by Alibaba Cloud". ms-swift 4.6.0, read and
run: `system` stands before every row that has none of its own, and `system: null` trains with the prompt "None".
Axolotl 0.21.0, read: `default_system_message` is for its ChatML template, and others drop it silently.
To see it again: `research/evidence/default_system_prompt.py`.

Instead:
Write the system message into the examples, as the first message of each, and send the same one at inference.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

SYSTEM_PROMPT_KEYS = {"llamafactory": "default_system", "ms-swift": "system", "axolotl": "default_system_message"}
TEMPLATE_KEYS = {"llamafactory": "template", "ms-swift": "template", "axolotl": "chat_template"}
QWEN2_TEMPLATES = {"llamafactory": ("qwen",), "ms-swift": ("qwen", "qwen2_5"), "axolotl": ("qwen_25",)}


def check(context: GuardContext) -> Iterator[Violation]:
    """Keys that say a prompt, and templates that bring one."""
    if not context.plan.objective.chat:
        return
    said, template = context.get_native_value(SYSTEM_PROMPT_KEYS), context.get_native_value(TEMPLATE_KEYS)
    if said:
        yield Violation(
            context.get_native_route(SYSTEM_PROMPT_KEYS),
            "examples without a system message get one that Qwen3 does not have",
            f"remove `{SYSTEM_PROMPT_KEYS[context.backend.name]}`, and write the message into the data",
        )
    if template in QWEN2_TEMPLATES.get(context.backend.name, ()):
        name = TEMPLATE_KEYS[context.backend.name]
        yield Violation(
            context.get_native_route(TEMPLATE_KEYS),
            f"`{name}: {template}` is the template of Qwen2.5, which adds a system prompt",
            f"remove `{name}`",
        )


GUARD = Guard("QR306", "default-system-prompt", "error", "high", __doc__, check)
