"""The tokenizer has fewer tokens than the embeddings have rows: resized to its length, a model loses rows."""

from __future__ import annotations

from tell import tell
from transformers import AutoTokenizer

from qwen_recipes.qwen.registry import REGISTRY
from qwen_recipes.qwen.tokenizer import tokenizer_folder

GUARDS = ("QR310", "QR311")
ENVIRONMENT = ""
rows = REGISTRY["Qwen/Qwen3-4B-Instruct-2507"].vocab_size
positions = REGISTRY["Qwen/Qwen3-4B-Instruct-2507"].max_positions
tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder("instruct-2507"))
tell(
    {
        "resizing to the tokenizer shrinks": len(tokenizer) < rows,
        "its model_max_length is beyond the model": tokenizer.model_max_length > positions,
    },
    {"every token has a row": max(tokenizer.get_vocab().values()) < rows},
    {"tokens": len(tokenizer), "rows": rows, "model_max_length": tokenizer.model_max_length, "positions": positions},
    ("transformers", "tokenizers"),
)
