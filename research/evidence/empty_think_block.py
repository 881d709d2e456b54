"""An answer without reasoning gets an empty think block from the hybrid template: four tokens, each trained."""

from __future__ import annotations

from evidence_result import report_result
from transformers import AutoTokenizer

from qwen_recipes.qwen.chat_templates import read_template, render_conversation
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

GUARDS = ("QR308", "QR309")
ENVIRONMENT = ""
QUESTION = {"role": "user", "content": "2+2?"}
EMPTY_THINK_BLOCK = "<think>\n\n</think>\n\n"


def render_answer(variant: str, content: str) -> str:
    whole = render_conversation(read_template(variant), [QUESTION, {"role": "assistant", "content": content}])
    return whole.rpartition("<|im_start|>assistant\n")[2]


tokens = len(AutoTokenizer.from_pretrained(get_tokenizer_folder("hybrid"))(EMPTY_THINK_BLOCK)["input_ids"])
report_result(
    {"hybrid: the block is in the answer": render_answer("hybrid", "4").startswith(EMPTY_THINK_BLOCK)},
    {
        "hybrid: an answer that reasons has none": EMPTY_THINK_BLOCK
        not in render_answer("hybrid", "<think>\nSum.\n</think>\n\n4"),
        "Instruct-2507: none": EMPTY_THINK_BLOCK not in render_answer("instruct-2507", "4"),
    },
    {"answer": render_answer("hybrid", "4"), "tokens of the block": tokens},
    ("transformers", "tokenizers"),
)
