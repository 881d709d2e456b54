"""No official Qwen3 template marks the assistant's tokens: a mask taken from it is all zeros."""

from __future__ import annotations

from evidence_result import report_result
from transformers import AutoTokenizer

from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

GUARDS = ("QR305",)
ENVIRONMENT = ""
CHAT = [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]
TEMPLATE_WITH_MARKER = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}"
)
OPTIONS = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}


def count_assistant_tokens(variant: str, template: str | None = None) -> int:
    """Tokens of the assistant's, by the mask that transformers returns."""
    tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder(variant))
    return sum(tokenizer.apply_chat_template(CHAT, chat_template=template, **OPTIONS)["assistant_masks"])


variants = ("hybrid", "base", "instruct-2507", "thinking-2507")
seen = {variant: count_assistant_tokens(variant) for variant in variants}
marked = count_assistant_tokens("hybrid", TEMPLATE_WITH_MARKER)
report_result(
    {f"{variant}: all zeros": count == 0 for variant, count in seen.items()},
    {"a template with the marker has them": marked > 0},
    {**seen, "marked": marked},
    ("transformers", "tokenizers"),
)
