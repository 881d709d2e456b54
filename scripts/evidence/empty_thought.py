"""An answer without reasoning gets an empty think block from the hybrid template: four tokens, each trained."""

from __future__ import annotations

from tell import tell
from transformers import AutoTokenizer

from qwen_recipes.qwen.chat_templates import render, template_text
from qwen_recipes.qwen.tokenizer import tokenizer_folder

GUARDS = ("QR308", "QR309")
ENVIRONMENT = ""
QUESTION = {"role": "user", "content": "2+2?"}
BLOCK = "<think>\n\n</think>\n\n"


def answer(variant: str, content: str) -> str:
    whole = render(template_text(variant), [QUESTION, {"role": "assistant", "content": content}])
    return whole.rpartition("<|im_start|>assistant\n")[2]


tokens = len(AutoTokenizer.from_pretrained(tokenizer_folder("hybrid"))(BLOCK)["input_ids"])
tell(
    {"hybrid: the block is in the answer": answer("hybrid", "4").startswith(BLOCK)},
    {
        "hybrid: an answer that reasons has none": BLOCK not in answer("hybrid", "<think>\nSum.\n</think>\n\n4"),
        "Instruct-2507: none": BLOCK not in answer("instruct-2507", "4"),
    },
    {"answer": answer("hybrid", "4"), "tokens of the block": tokens},
    ("transformers", "tokenizers"),
)
