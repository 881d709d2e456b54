"""The collator takes every pad token out of the loss: where pad is the end of a turn, the end is never learnt."""

from __future__ import annotations

from evidence_result import report_result
from transformers import AutoTokenizer, DataCollatorForLanguageModeling

from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

GUARDS = ("QR302",)
ENVIRONMENT = "axolotl"
TEXT = "<|im_start|>assistant\n4<|im_end|>\n"


def count_end_tokens_with_loss(pad: str) -> int:
    tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder("hybrid"), pad_token=pad)
    batch = DataCollatorForLanguageModeling(tokenizer, mlm=False)([{"input_ids": tokenizer(TEXT)["input_ids"]}])
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    return int((batch["labels"] == end).sum())


seen = {pad: count_end_tokens_with_loss(pad) for pad in ("<|im_end|>", "<|endoftext|>")}
report_result(
    {"pad = <|im_end|>: no end carries loss": seen["<|im_end|>"] == 0},
    {"pad = <|endoftext|>: it does": seen["<|endoftext|>"] == 1},
    seen,
    ("transformers",),
)
