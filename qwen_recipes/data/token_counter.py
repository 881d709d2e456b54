"""Token counts by the tokenizer's own words: what it splits text into before it merges, each looked up once.

A word's tokens do not depend on its neighbours, so that counting is a matter of remembering words. The pattern is the
tokenizer's own (`qwen.tokenizer_files.SPLIT_PATTERN`) in the words of `re`; text with characters that two versions of
Unicode may judge differently, or not in NFC, goes through the tokenizer itself.
`tests/unit/data/test_token_counter.py` compares.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

from qwen_recipes.qwen.tokenizer_files import get_control_tokens

COUNT_BITS = 20
COUNT_MASK = (1 << COUNT_BITS) - 1
"""A word's value is its hash, shifted, and its number of tokens in the bits of this mask."""

MAX_CACHED_WORDS = 100_000
"""So many words are remembered, the first that come; about 20 MB."""

MAX_WORD_LENGTH = 256
"""Characters; longer ones are not remembered."""

CONTROL_TOKEN_PATTERN = re.compile("(" + "|".join(map(re.escape, get_control_tokens())) + ")")
"""Text at odd places of the result of `split` is a control token."""

_WHITESPACE = "\t\n\\x0b\\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CASE_FOLDED_TO_ASCII = (0x17F, 0x212A)
"""Long s and the Kelvin sign: equal to an ASCII letter where case is ignored."""

Tokenizer = Any
"""`tokenizers.Tokenizer`."""


class WordCache(dict[str, int]):
    """Value of each word, made when it is first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def __missing__(self, word: str) -> int:
        value = _pack_word_value(word, len(_encode_ids(self.tokenizer, word)))
        if len(self) < MAX_CACHED_WORDS and len(word) <= MAX_WORD_LENGTH:
            self[word] = value
        return value


class TokenCounter:
    """Counts tokens of text; one to a process."""

    def __init__(self, tokenizer: Tokenizer, is_qwen3: bool = True) -> None:
        """`is_qwen3`: the tokenizer splits text as Qwen3's does; any other is asked for every piece of text."""
        self.word_cache = WordCache(tokenizer)
        self.tokenizer, self.is_qwen3 = tokenizer, is_qwen3
        self.find_ascii_words, self.find_words, self.find_unsafe_character = compile_word_patterns()

    def get_word_values(self, piece: str) -> Iterable[int]:
        """Values of the words of a stretch of text without control tokens.

        The counts in them add up to the tokens of the stretch; the hashes tell words apart.
        """
        if self.is_qwen3 and piece.isascii():
            return map(self.word_cache.__getitem__, self.find_ascii_words(piece))
        if self.is_qwen3 and self.find_unsafe_character(piece) is None and unicodedata.is_normalized("NFC", piece):
            return map(self.word_cache.__getitem__, self.find_words(piece))
        hashes = [_pack_word_value(word, 0) for word in self.find_words(piece)]
        return [*hashes, min(len(_encode_ids(self.tokenizer, piece)), COUNT_MASK)]


def control_token_value(token: str) -> int:
    """The value of a control token."""
    return _pack_word_value(token, 1)


def hash_words(text: str) -> list[int]:
    """A hash for each word of a text; needs no tokenizer."""
    return [_hash_word(word) for word in compile_word_patterns()[1](text)]


def _encode_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    return ids


def _pack_word_value(word: str, count: int) -> int:
    return (_hash_word(word) << COUNT_BITS) | min(count, COUNT_MASK)


@lru_cache(maxsize=MAX_CACHED_WORDS)
def _hash_word(word: str) -> int:
    """44 bits, the same in every process."""
    from hashlib import blake2b

    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 20


FindWords = Callable[[str], list[str]]
SearchText = Callable[[str], "re.Match[str] | None"]


@cache
def compile_word_patterns() -> tuple[FindWords, FindWords, SearchText]:
    """The words of ASCII text, of any text, and where text is too rare for that."""
    letters, numbers, unsure = (
        "".join(_character_ranges(test)) for test in (_is_letter, _is_number, _is_version_dependent)
    )
    unsure += "\U00010000-\U0001f2ff\U0001fa00-\U0010ffff"
    return (
        re.compile(_word_pattern("A-Za-z", "0-9", "\t\n\\x0b\\x0c\r ")).findall,
        re.compile(_word_pattern(letters, numbers, _WHITESPACE)).findall,
        re.compile(f"[{unsure}]").search,
    )


def _word_pattern(letter: str, number: str, space: str) -> str:
    return (
        rf"(?:'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))|[^\r\n{letter}{number}]?[{letter}]+|[{number}]"
        rf"| ?[^{space}{letter}{number}]+[\r\n]*|[{space}]*[\r\n]+|[{space}]+(?![^{space}])|[{space}]+"
    )


def _is_letter(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "L"


def _is_number(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "N"


def _is_version_dependent(code: int) -> bool:
    return unicodedata.category(chr(code)) in ("Cn", "Cs") or code in _CASE_FOLDED_TO_ASCII


def _character_ranges(test: Callable[[int], bool]) -> Iterator[str]:
    """Character ranges of the basic plane for which the test holds."""
    start: int | None = None
    for code in range(min(0x10000, sys.maxunicode)):
        if test(code):
            start = code if start is None else start
        elif start is not None:
            yield _format_range(start, code - 1)
            start = None
    if start is not None:
        yield _format_range(start, 0xFFFF)


def _format_range(first: int, last: int) -> str:
    return rf"\u{first:04x}-\u{last:04x}"
