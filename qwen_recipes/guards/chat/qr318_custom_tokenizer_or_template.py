"""Custom tokenizer or chat template.

What:
The model's tokenizer.json is neither Qwen's nor transformers' copy of it, or its chat template is not one of the four
official ones and the recipe does not name one. Folders and models in the hub's local cache are checked.

Why it matters:
The model's own tokenizer is used, and nothing that `recipes` knows about Qwen3's tokens (which ids end a turn or open
a think block) was checked for it. A custom template may treat reasoning, the end of a turn or tools differently. If
the recipe names no template, the model's own is used where the framework can use it. Where it cannot (preferences and
`encoding: native` in LLaMA-Factory and ms-swift, packed and streamed examples in LLaMA-Factory), the official hybrid
template is used, and prompts at inference differ.

Evidence:
Tested: transformers 4.57.6 saves the official tokenizer.json byte for byte, and 5.5 to 5.24 all save one other file
(`tests/conformance/test_tokenizers.py`). Both are known, so a model that was only trained and saved is not reported.

Instead:
Put Qwen's own tokenizer.json and chat_template.jinja into the folder; or name the template in the recipe
(`chat.template`: `own`, an official one, or the path of a .jinja file), and add QR318 to `allow` with the reason for
the tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.qwen.models import describe_custom_template, describe_custom_tokenizer


def check(context: GuardContext) -> Iterator[Violation]:
    """What the model's files say of themselves; a template that the recipe names is nobody's surprise."""
    where = context.locate_field()
    if message := describe_custom_tokenizer(context.model):
        yield Violation(where, message, "use Qwen's tokenizer.json, or add QR318 to `allow` with the reason")
    chat = context.plan.objective.chat and not context.is_set("chat.template")
    if chat and (message := describe_custom_template(context.model)):
        used = context.plan.chat.template
        instead = f"set chat: {{template: {used}}}"
        if context.plan.chat.official and context.plan.objective.type == "sft":
            instead += (
                "; the custom template is used only if the data is not packed, not streamed and not `encoding: native`"
            )
        yield Violation(where, f"{message}; {used} is used", instead)


GUARD = Guard("QR318", "unknown-tokenizer", "warning", "high", __doc__, check)
