"""The two tokenizer files, made from the merges.

A Qwen3 token's id is its place in the byte alphabet, or 256 plus the place of the merge that makes it: the merges are
the whole vocabulary.
"""

from __future__ import annotations

import json
import lzma
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN

MERGES_FILE = Path(__file__).parent / "merges.xz"

SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

FIRST_ADDED_ID = 151_643
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
"""Dropped from decoded text by `skip_special_tokens`."""
ADDED_TOKENS = (
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
"""One token each, and kept in decoded text."""


class TokenizerConfigFormat(NamedTuple):
    """What differs between the released tokenizer_config.json files; `last` is the key that stands at the end."""

    eos: str
    max_length: int
    indent: int
    last: str | None
    final_newline: bool


TOKENIZER_CONFIG_FORMATS = {
    "hybrid": TokenizerConfigFormat(END_OF_TURN, 131_072, 2, None, True),
    "base": TokenizerConfigFormat(END_OF_TEXT, 131_072, 2, None, False),
    "instruct-2507": TokenizerConfigFormat(END_OF_TURN, 1_010_000, 4, "add_bos_token", False),
    "thinking-2507": TokenizerConfigFormat(END_OF_TURN, 262_144, 4, "add_bos_token", False),
}


class CorruptMergesError(QwenRecipesError, ValueError):
    """The file of merges can't be read."""


def get_control_tokens() -> dict[str, int]:
    """Every token that is no piece of text but a mark, with its id: `<|im_end|>`, `<think>` and the like."""
    return {content: FIRST_ADDED_ID + place for place, content in enumerate(SPECIAL_TOKENS + ADDED_TOKENS)}


@lru_cache(maxsize=1)
def build_tokenizer_json() -> bytes:
    """tokenizer.json as it was released.

    Raises:
        CorruptMergesError: merges.xz is missing or no longer what was shipped.
    """
    merges = _read_merges(MERGES_FILE)
    return json.dumps(_make_tokenizer(merges), ensure_ascii=False, indent=2).encode("utf-8")


def build_tokenizer_config(variant: str, chat_template: str) -> bytes:
    """tokenizer_config.json of this variant as it was released, with this chat template inside."""
    layout = TOKENIZER_CONFIG_FORMATS[variant]
    config: dict[str, Any] = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(number): _make_decoder_entry(content) for content, number in get_control_tokens().items()
        },
        "additional_special_tokens": list(SPECIAL_TOKENS[1:]),
        "bos_token": None,
        "chat_template": chat_template,
        "clean_up_tokenization_spaces": False,
        "eos_token": layout.eos,
        "errors": "replace",
        "model_max_length": layout.max_length,
        "pad_token": END_OF_TEXT,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    if layout.last:
        config[layout.last] = config.pop(layout.last)
    body = json.dumps(config, ensure_ascii=False, indent=layout.indent)
    return (body + "\n" * layout.final_newline).encode("utf-8")


def build_byte_alphabet() -> list[str]:
    """GPT-2's printable character for each byte, in the order of their token ids 0 to 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(256 - len(printable))]


def _read_merges(path: Path) -> list[list[str]]:
    try:
        text = lzma.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as problem:
        raise CorruptMergesError(f"{path.name} of this installation cannot be read: {problem}") from problem
    return [line.split(" ") for line in text.split("\n")]


def _make_decoder_entry(content: str) -> dict[str, object]:
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {"content": content, **flags, "special": content in SPECIAL_TOKENS}


def _make_added_token_entry(content: str, number: int) -> dict[str, object]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, **flags, "special": content in SPECIAL_TOKENS}


def _make_tokenizer(merges: list[list[str]]) -> dict[str, object]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": SPLIT_PATTERN}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_make_added_token_entry(content, number) for content, number in get_control_tokens().items()],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": _make_bpe_model(merges),
    }


def _make_bpe_model(merges: list[list[str]]) -> dict[str, object]:
    tokens = [*build_byte_alphabet(), *("".join(pair) for pair in merges)]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": merges,
    }
