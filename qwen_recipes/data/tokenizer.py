"""The tokenizer of a model, as the tokenizers library has it: no torch, no transformers."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_json
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.tokenizer_errors import UnsupportedTokenizerError
from qwen_recipes.qwen.tokenizer_files import SPLIT_PATTERN, get_control_tokens


class MissingTokenizerError(QwenRecipesError, RuntimeError):
    """The tokenizer can't be had: a package or a file is missing."""


def load_tokenizer(model: ModelFacts) -> Any:
    """A `tokenizers.Tokenizer`. Raises MissingTokenizerError, InvalidTokenizerError, OSError."""
    try:
        from qwen_recipes.data.encoder import find_tokenizer_folder, load_folder_tokenizer

        if model.local and model.folder and not (model.folder / "tokenizer.json").is_file():
            raise MissingTokenizerError(f"{model.folder} has no tokenizer.json")
        return load_folder_tokenizer(find_tokenizer_folder(model))
    except ImportError:
        raise MissingTokenizerError(
            "counting tokens needs the extra `tokens`: pip install 'qwen-recipes[tokens]'"
        ) from None


def check_own_tokenizer(model: ModelFacts) -> None:
    """Load a tokenizer that came with a model, once while it stays the same; nothing without the tokenizers library.

    Raises InvalidTokenizerError.
    """
    if model.tokenizer == "own" and model.folder is not None:
        with suppress(ImportError, UnsupportedTokenizerError):
            _load_once(model.folder, (model.folder / "tokenizer.json").stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _load_once(folder: Path, modified_ns: int) -> None:
    from qwen_recipes.data.encoder import load_folder_tokenizer

    load_folder_tokenizer(folder)


def is_qwen3_tokenizer(model: ModelFacts, tokenizer: Any) -> bool:
    """Whether the tokenizer splits text as the released Qwen3 tokenizer does, all its control tokens known."""
    if model.tokenizer != "own" or model.folder is None:
        return True
    file = read_json(model.folder / "tokenizer.json", "tokenizer")
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    split = {"pattern": {"Regex": SPLIT_PATTERN}}
    found = file["pre_tokenizer"] if isinstance(file.get("pre_tokenizer"), dict) else {}
    steps = found["pretokenizers"] if isinstance(found.get("pretokenizers"), list) else []
    splits = [isinstance(step, dict) and step.items() >= split.items() for step in steps[:1]]
    normal = file["normalizer"] if isinstance(file.get("normalizer"), dict) else {}
    return splits == [True] and normal.get("type") == "NFC" and added == set(get_control_tokens())
