"""The tokenizer of a model, as the tokenizers library has it: no torch, no transformers."""

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
        from qwen_recipes.data.labels import folder_tokenizer

        if not model.local:
            from qwen_recipes.qwen.tokenizer import tokenizer_folder

            return folder_tokenizer(tokenizer_folder(model.variant))
        if not (Path(model.source) / "tokenizer.json").is_file():
            raise NoTokenizer(f"{model.source} has no tokenizer.json")
        return folder_tokenizer(Path(model.source))
    except ImportError:
        raise NoTokenizer("counting tokens needs the extra `tokens`: pip install 'qwen-recipes[tokens]'") from None
    except ValueError as error:
        raise NoTokenizer(str(error)) from None


def is_qwen3(model: ModelFacts, tokenizer: Any) -> bool:
    """Whether the tokenizer splits text as the released Qwen3 tokenizer does, all its control tokens known."""
    if not model.local:
        return True
    file = json.loads((Path(model.source) / "tokenizer.json").read_text("utf-8"))
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    steps = (file.get("pre_tokenizer") or {}).get("pretokenizers") or [{}]
    pattern = (steps[0].get("pattern") or {}).get("Regex") if isinstance(steps[0], dict) else None
    normal = (file.get("normalizer") or {}).get("type")
    return pattern == PATTERN and normal == "NFC" and added == set(control_tokens())
