"""Chat template of another variant.

What:
`chat.template` names the official template of another Qwen3 variant than the model's, or a Qwen3-Coder would get a
template of Qwen3, because its own template is not known or cannot be used by the framework.

Why it matters:
The templates differ in where think blocks go. A model that is trained with one and used with another sees prompts that
it was not trained on. A hybrid template on Instruct-2507 writes empty think blocks that this model never saw; the
Instruct template on a hybrid or Thinking model removes the place where it reasons. Qwen3-Coder writes tool calls as
`<function=name>`, and the templates of Qwen3 write them as JSON, so what it learned would not be parsed as a call.

Evidence:
hiyouga/LlamaFactory#9092, #8832, #10282. The four official templates rendered on the same conversations:
`tests/unit/qwen/test_chat_templates.py`.
To reproduce: `research/evidence/template_of_another_variant.py`.

Instead:
Write `template: auto`, or leave `template` out. For Qwen3-Coder, put its chat_template.jinja into the model's folder,
name a Qwen3-Coder model in `model.like`, or name the file in `chat.template`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.families import name_family

USE_CODER = "name a Qwen3-Coder model in `model.like`, or the file of its template in `chat.template`"
USE_AXOLOTL = "use a framework that takes the model's own template here, such as Axolotl (`run.backend: axolotl`)"


def check(context: GuardContext) -> Iterator[Violation]:
    """An official template that is not the model's own."""
    chat, model = context.plan.chat, context.plan.model
    if chat.official and context.plan.objective.chat and _is_coder(context.model):
        yield Violation(
            context.locate_field("chat.template"),
            f"{model.id} is a Qwen3-Coder, which writes tool calls as XML, but the {chat.template} template is used",
            USE_CODER if context.model.own_template is None or context.is_set("chat.template") else USE_AXOLOTL,
        )
        return
    if not context.is_set("chat.template") or not chat.official or model.variant == "unknown":
        return
    if chat.template != model.variant:
        yield Violation(
            ("chat", "template"),
            f"{model.id} uses the {model.variant} template, not {chat.template}",
            "template: auto",
            Fix((("chat.template", "auto"),), safe=True),
        )


def _is_coder(model: ModelFacts) -> bool:
    return name_family(model.id, model.own_template) == "Qwen3-Coder"


GUARD = Guard("QR303", "template-of-another-variant", "error", "high", __doc__, check)
