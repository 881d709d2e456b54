"""A tokenizer or chat template that Qwen did not release.

What:
The model is a folder whose tokenizer.json is neither Qwen's nor transformers' copy of it, or whose chat template is
none of the four official ones while the recipe names none.

Why it matters:
The folder's own tokenizer is used, and what is known here of Qwen3's tokens, which ids end a turn or open a thought,
was never seen to hold for it. A template that is not known says nothing about reasoning, ends of turns or tools. Where
the recipe names none, the folder's chat_template.jinja is used, as text or as tokens, as the framework can take it.
Where it can take neither (in LLaMA-Factory and ms-swift preferences and `encoding: native`, in LLaMA-Factory packed and
streamed rows), or the template stands in tokenizer_config.json alone, the official hybrid one is, and whoever uses the
folder's own meets other prompts.

Evidence:
Run: transformers 4.57.6 saves the official tokenizer.json byte for byte, and 5.5 to 5.24 all save the same other file
(`tests/conformance/test_tokenizers.py`): a model that was only trained and saved is not what this is about.

Instead:
Put Qwen's own tokenizer.json and chat_template.jinja into the folder; or name the template in the recipe
(`chat.template`: an official one, or the path of a .jinja file), and allow QR318 with the reason for the tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Guard, Hit
from qwen_recipes.qwen.models import unknown_template, unknown_tokenizer


def check(facts: Facts) -> Iterator[Hit]:
    """What the folder's files say of themselves; a template that the recipe names is nobody's surprise."""
    where = facts.written()
    if message := unknown_tokenizer(facts.model):
        yield Hit(where, message, "put Qwen's own tokenizer.json there, or allow QR318 and say why it is not")
    chat = facts.plan.objective.chat and not facts.asked("chat.template")
    if chat and (message := unknown_template(facts.model)):
        used = facts.plan.chat.template
        instead = f"chat: {{template: {used}}} says so"
        if facts.plan.chat.official and facts.plan.objective.type == "sft":
            instead += (
                "; the folder's own is used if it is in chat_template.jinja, and rows are not packed or streamed"
                " nor `encoding: native`"
            )
        yield Hit(where, f"{message}; {used} is used", instead)


GUARD = Guard("QR318", "unknown-tokenizer", "warning", "high", __doc__, check)
