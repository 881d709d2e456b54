"""Chat template of another variant.

What:
`chat.template` names the official template of another Qwen3 variant than the model's.

Why it matters:
The templates differ in where think blocks go. Trained with one and used with another, the model sees prompts that it
was not trained on. A hybrid template on Instruct-2507 writes empty think blocks that this model never saw; the
Instruct template on a hybrid or Thinking model removes the place where it reasons.

Evidence:
hiyouga/LlamaFactory#9092, #8832, #10282. The four official templates rendered on the same conversations:
`tests/unit/qwen/test_chat_templates.py`.
To see it again: `research/evidence/template_of_another_variant.py`.

Instead:
Write `template: auto`, or leave `template` out.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """An official template that is not the model's own."""
    chat, model = context.plan.chat, context.plan.model
    if not context.is_set("chat.template") or not chat.official or model.variant == "unknown":
        return
    if chat.template != model.variant:
        yield Violation(
            ("chat", "template"),
            f"{model.id} is a {model.variant} model, but this is the {chat.template} template",
            "template: auto",
            Fix((("chat.template", "auto"),), safe=True),
        )


GUARD = Guard("QR303", "template-of-another-variant", "error", "high", __doc__, check)
