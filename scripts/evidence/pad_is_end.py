"""The collator takes every pad token out of the loss: where pad is the end of a turn, the end is never learnt."""

from __future__ import annotations

from tell import tell
from transformers import AutoTokenizer, DataCollatorForLanguageModeling

from qwen_recipes.qwen.tokenizer import tokenizer_folder

GUARDS = ("QR302",)
ENVIRONMENT = "axolotl"
TEXT = "<|im_start|>assistant\n4<|im_end|>\n"


def ends_with_loss(pad: str) -> int:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder("hybrid"), pad_token=pad)
    batch = DataCollatorForLanguageModeling(tokenizer, mlm=False)([{"input_ids": tokenizer(TEXT)["input_ids"]}])
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    return int((batch["labels"] == end).sum())


seen = {pad: ends_with_loss(pad) for pad in ("<|im_end|>", "<|endoftext|>")}
tell(
    {"pad = <|im_end|>: no end carries loss": seen["<|im_end|>"] == 0},
    {"pad = <|endoftext|>: it does": seen["<|endoftext|>"] == 1},
    seen,
    ("transformers",),
)
