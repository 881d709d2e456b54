"""The Base tokenizer's end of sequence never stands in a rendered chat, and it is its pad token as well."""

from __future__ import annotations

from evidence_result import report_result
from transformers import AutoTokenizer

from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

GUARDS = ("QR301",)
ENVIRONMENT = ""
CHAT = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]


def describe_eos(variant: str) -> dict[str, object]:
    tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder(variant))
    text = tokenizer.apply_chat_template(CHAT, tokenize=False)
    ids = tokenizer(text)["input_ids"]
    return {"eos": tokenizer.eos_token, "pad": tokenizer.pad_token, "eos in a chat": ids.count(tokenizer.eos_token_id)}


seen = {variant: describe_eos(variant) for variant in ("base", "hybrid", "instruct-2507")}
report_result(
    {
        "Base: no turn ends with eos": seen["base"]["eos in a chat"] == 0,
        "eos is pad": seen["base"]["eos"] == seen["base"]["pad"],
    },
    {f"{name}: turns end with eos": seen[name]["eos in a chat"] == 2 for name in ("hybrid", "instruct-2507")},
    seen,
    ("transformers", "tokenizers"),
)
