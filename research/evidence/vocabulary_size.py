"""The tokenizer has fewer tokens than the embeddings have rows: resized to its length, a model loses rows."""

from __future__ import annotations

from evidence_result import report_result
from transformers import AutoTokenizer

from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

GUARDS = ("QR310", "QR311")
ENVIRONMENT = ""
rows = REGISTRY["Qwen/Qwen3-4B-Instruct-2507"].vocab_size
positions = REGISTRY["Qwen/Qwen3-4B-Instruct-2507"].max_positions
tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder("instruct-2507"))
report_result(
    {
        "resizing to the tokenizer shrinks": len(tokenizer) < rows,
        "its model_max_length is beyond the model": tokenizer.model_max_length > positions,
    },
    {"every token has a row": max(tokenizer.get_vocab().values()) < rows},
    {"tokens": len(tokenizer), "rows": rows, "model_max_length": tokenizer.model_max_length, "positions": positions},
    ("transformers", "tokenizers"),
)
