"""Token counts by the tokenizer's own words: what it splits text into before it merges, each looked up once.

A word's tokens do not depend on its neighbours, so that counting is a matter of remembering words. The pattern is the
tokenizer's own (`qwen.vocabulary.PATTERN`) in the words of `re`; text with characters that two versions of Unicode
may judge differently, or not in NFC, goes through the tokenizer itself. `tests/unit/test_data_words.py` compares.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

from qwen_recipes.qwen.vocabulary import control_tokens

COUNT_BITS = 20
COUNT = (1 << COUNT_BITS) - 1
"""A word's value is its hash, shifted, and its number of tokens in the bits of this mask."""

MOST_WORDS = 100_000
"""So many words are remembered, the first that come; about 20 MB."""

LONGEST_WORD = 256
"""Characters; longer ones are not remembered."""

SPLIT = re.compile("(" + "|".join(map(re.escape, control_tokens())) + ")")
"""Text at odd places of the result of `split` is a control token."""

_SPACE = "\t\n\\x0b\\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_FOLDED = (0x17F, 0x212A)
"""Long s and the Kelvin sign: equal to an ASCII letter where case is ignored."""

Tokenizer = Any
"""`tokenizers.Tokenizer`."""


class Words(dict[str, int]):
    """Value of each word, made when it is first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def __missing__(self, word: str) -> int:
        value = _value(word, len(_ids(self.tokenizer, word)))
        if len(self) < MOST_WORDS and len(word) <= LONGEST_WORD:
            self[word] = value
        return value


class Counter:
    """Counts tokens of text; one to a process."""

    def __init__(self, tokenizer: Tokenizer, qwen3: bool = True) -> None:
        """`qwen3`: the tokenizer splits text as Qwen3's does; any other is asked for every piece of text."""
        self.words = Words(tokenizer)
        self.tokenizer, self.qwen3 = tokenizer, qwen3
        self.ascii, self.any, self.unsafe = patterns()

    def values(self, piece: str) -> Iterable[int]:
        """Values of the words of a stretch of text without control tokens.

        The counts in them add up to the tokens of the stretch; the hashes tell words apart.
        """
        if self.qwen3 and piece.isascii():
            return map(self.words.__getitem__, self.ascii(piece))
        if self.qwen3 and self.unsafe(piece) is None and unicodedata.is_normalized("NFC", piece):
            return map(self.words.__getitem__, self.any(piece))
        hashes = [_value(word, 0) for word in self.any(piece)]
        return [*hashes, min(len(_ids(self.tokenizer, piece)), COUNT)]


def control_value(token: str) -> int:
    """The value of a control token."""
    return _value(token, 1)


def word_hashes(text: str) -> list[int]:
    """A hash for each word of a text; needs no tokenizer."""
    return [_hash(word) for word in patterns()[1](text)]


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    return ids


def _value(word: str, count: int) -> int:
    return (_hash(word) << COUNT_BITS) | min(count, COUNT)


@lru_cache(maxsize=MOST_WORDS)
def _hash(word: str) -> int:
    """44 bits, the same in every process."""
    from hashlib import blake2b

    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 20


Find = Callable[[str], list[str]]
Search = Callable[[str], "re.Match[str] | None"]


@cache
def patterns() -> tuple[Find, Find, Search]:
    """The words of ASCII text, of any text, and where text is too rare for that."""
    letters, numbers, unsure = ("".join(_ranges(test)) for test in (_is_letter, _is_number, _is_unsure))
    unsure += "\U00010000-\U0001f2ff\U0001fa00-\U0010ffff"
    return (
        re.compile(_pattern("A-Za-z", "0-9", "\t\n\\x0b\\x0c\r ")).findall,
        re.compile(_pattern(letters, numbers, _SPACE)).findall,
        re.compile(f"[{unsure}]").search,
    )


def _pattern(letter: str, number: str, space: str) -> str:
    return (
        rf"(?:'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))|[^\r\n{letter}{number}]?[{letter}]+|[{number}]"
        rf"| ?[^{space}{letter}{number}]+[\r\n]*|[{space}]*[\r\n]+|[{space}]+(?![^{space}])|[{space}]+"
    )


def _is_letter(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "L"


def _is_number(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "N"


def _is_unsure(code: int) -> bool:
    return unicodedata.category(chr(code)) in ("Cn", "Cs") or code in _FOLDED


def _ranges(test: Callable[[int], bool]) -> Iterator[str]:
    """Character ranges of the basic plane for which the test holds."""
    start: int | None = None
    for code in range(min(0x10000, sys.maxunicode)):
        if test(code):
            start = code if start is None else start
        elif start is not None:
            yield _between(start, code - 1)
            start = None
    if start is not None:
        yield _between(start, 0xFFFF)


def _between(first: int, last: int) -> str:
    return rf"\u{first:04x}-\u{last:04x}"
