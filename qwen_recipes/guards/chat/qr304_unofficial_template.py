"""Framework's own chat template.

What:
A native key under `backends.*.extra` replaces the chat template of the recipe: `chat_template` or
`chat_template_jinja` (Axolotl), `template` (LLaMA-Factory, ms-swift), `use_chat_template: false` (ms-swift).

Why it matters:
The templates that frameworks ship under a model's name differ from Qwen's own. The model is then trained on a format
that it was not made for and does not see at inference. `recipes` checks the data and the loss mask with the official
template, so those checks no longer apply.

Evidence:
Tested with Axolotl 0.21.0 and the official tokenizers: `chat_template: qwen3` ends the prompt with an opening think
tag, which Qwen's does not, and saves that into the trained model's tokenizer; on Instruct-2507 it adds empty think
blocks; in DPO a chosen answer that reasons gets two. LLaMA-Factory 0.9.5 does not use Jinja; its `qwen3` is Python
code (hiyouga/LlamaFactory#10773 lists where it deviates). Unsloth: unslothai/unsloth#3383.
To reproduce: `research/evidence/axolotl_qwen3_template.py`.

Instead:
Remove the key: the compiler passes Qwen's own template, or the name of the closest one that the framework has. For a
custom template, write `chat: {template: FILE.jinja}` in the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

SYSTEM_PROMPT_TEMPLATES = ("qwen", "qwen_25", "qwen2_5")
"""Templates of Qwen2.5, which QR306 speaks of."""


def check(context: GuardContext) -> Iterator[Violation]:
    """Native keys that replace the template."""
    if not context.plan.objective.chat:
        return
    for key, value in context.plan.extra.items():
        if _replaces_template(context, key, value):
            yield Violation(
                ("backends", context.backend.name, "extra", key),
                f"`{key}` replaces the official {context.plan.chat.template} template",
                f"remove `{key}`; for a custom template, set `chat.template: FILE.jinja`",
            )


def _replaces_template(context: GuardContext, key: str, value: object) -> bool:
    if value in SYSTEM_PROMPT_TEMPLATES:
        return False
    if context.backend.name == "axolotl":
        own = key == "chat_template" and value not in ("jinja", None) and not str(value).startswith("tokenizer_default")
        return own or (key == "chat_template_jinja" and value is not None)
    return (key == "template" and value not in _list_accepted_templates(context)) or (
        key == "use_chat_template" and value is False
    )


def _list_accepted_templates(context: GuardContext) -> tuple[str, ...]:
    """The framework's names for the recipe's template; a Base model has learnt none and takes any of Qwen3's."""
    words = context.backend.native_values.get("template", {})
    variant = context.plan.chat.template
    if (
        context.backend.name == "llamafactory"
        and context.plan.objective.type == "sft"
        and variant != "base"
        and not context.plan.chat.exact
    ):
        return ("empty",)
    return tuple(words.values()) if variant == "base" else tuple(filter(None, [words.get(variant)]))


GUARD = Guard("QR304", "unofficial-template", "error", "high", __doc__, check)
