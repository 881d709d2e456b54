"""Encode texts and conversations with the transformers of this interpreter: `reference_tokenizer.py JOB OUT`.

JOB is JSON: tokenizer folders by variant, texts, conversations as `{messages, tools, options}`. OUT gets the version,
and for each variant the ids and the decoded text of every text, the text and the ids of every conversation, and the
SHA-256 of tokenizer.json as it is saved; a conversation that the template refuses has `null` for both. Runs in
any environment with transformers.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.modules["torch"] = None  # type: ignore[assignment]  # importing it takes longer than all that is done here

import transformers  # noqa: E402
from jinja2 import TemplateError  # noqa: E402


def encode_texts(tokenizer: Any, texts: list[str]) -> list[list[Any]]:
    """Ids and decoded text of each."""
    ids = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return [[one, tokenizer.decode(one, clean_up_tokenization_spaces=False)] for one in ids]


def encode_chat(tokenizer: Any, chat: dict[str, Any]) -> list[Any]:
    """Text and ids of a conversation."""
    given = {"conversation": chat["messages"], "tools": chat["tools"], **chat["options"]}
    try:
        text = tokenizer.apply_chat_template(**given, tokenize=False)
    except (TemplateError, TypeError):
        return [None, None]
    return [text, list(tokenizer.apply_chat_template(**given, tokenize=True, return_dict=True)["input_ids"])]


def hash_saved_tokenizer(tokenizer: Any) -> str:
    """SHA-256 of the tokenizer.json that is saved with a model."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return hashlib.sha256(Path(folder, "tokenizer.json").read_bytes()).hexdigest()


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found: dict[str, Any] = {"version": transformers.__version__}
    for variant, folder in job["folders"].items():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        chats = [encode_chat(tokenizer, chat) for chat in job["chats"]]
        found[variant] = {
            "texts": encode_texts(tokenizer, job["texts"]),
            "chats": chats,
            "saved": hash_saved_tokenizer(tokenizer),
        }
    Path(sys.argv[2]).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
