"""The tokenizer of a model, as the tokenizers library has it: no torch, and no transformers where files suffice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.vocabulary import PATTERN, control_tokens


class NoTokenizer(RuntimeError):
    """The tokenizer can't be had: a package or a file is missing."""


def load_tokenizer(model: ModelFacts) -> Any:
    """A `tokenizers.Tokenizer`. Raises NoTokenizer."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise NoTokenizer("counting tokens needs the extra `tokens`: pip install 'qwen-recipes[tokens]'") from None
    if not model.local:
        from qwen_recipes.qwen.tokenizer import tokenizer_folder

        return Tokenizer.from_file(str(tokenizer_folder(model.variant) / "tokenizer.json"))
    file = Path(model.source) / "tokenizer.json"
    if not file.is_file():
        raise NoTokenizer(f"{model.source} has no tokenizer.json")
    return Tokenizer.from_file(str(file)) if is_qwen3(model) else _by_transformers(model.source)


def is_qwen3(model: ModelFacts) -> bool:
    """Whether the tokenizer splits text as the released Qwen3 tokenizer does, all its control tokens known."""
    if not model.local:
        return True
    file = json.loads((Path(model.source) / "tokenizer.json").read_text("utf-8"))
    added = {token.get("content") for token in file.get("added_tokens", [])}
    steps = (file.get("pre_tokenizer") or {}).get("pretokenizers") or [{}]
    pattern = (steps[0].get("pattern") or {}).get("Regex") if isinstance(steps[0], dict) else None
    normal = (file.get("normalizer") or {}).get("type")
    return pattern == PATTERN and normal == "NFC" and added == set(control_tokens())


def _by_transformers(folder: str) -> Any:
    """Through AutoTokenizer, which adds the control tokens that an older tokenizer.json lacks."""
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise NoTokenizer(
            f"the tokenizer in {folder} needs the extra `tokens`: pip install 'qwen-recipes[tokens]'"
        ) from None
    try:
        return AutoTokenizer.from_pretrained(folder).backend_tokenizer
    except (OSError, ValueError, AttributeError) as error:
        raise NoTokenizer(f"the tokenizer in {folder} can't be loaded: {error}") from error
