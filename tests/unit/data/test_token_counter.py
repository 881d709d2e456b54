"""Token counts by words are the tokenizer's own, whatever the text."""

import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.data.token_counter import (
    CONTROL_TOKEN_PATTERN,
    COUNT_MASK,
    MAX_CACHED_WORDS,
    TokenCounter,
    hash_words,
)
from tests.conftest import ROOT

pytest.importorskip("tokenizers")

from tests.unit.data.tokenizers import COUNTER, TOKENIZER

PARTS = ["a", "B", "'s", "'RE", "'ll", "\u0301", "é", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "日本", "Д"]
PARTS += [
    "1",
    "²",
    "Ⅳ",
    "!",
    "...",
    "😀",
    "👩‍👩‍👧",
    "\u2028",
    "\x0b",
    "\x1c",
    "\x85",
    "\u200b",
    "\u017f",
    "_",
    "ß",
    "İ",
]
PARTS += ["\u0660", "\x00", "\x7f", "가", "\u1100\u1161", "ﬁ", "K", "ꟲ", "𝐀", "𠀀", "𝟘", "\ufdd0", "\ue000", "न", "ि"]


def count(text):
    return sum(value & COUNT_MASK for value in COUNTER.get_word_values(text))


def theirs(texts):
    return [len(e.ids) for e in TOKENIZER.encode_batch_fast(texts, add_special_tokens=False)]


def compare(texts):
    assert [(t, n) for t, n in zip(texts, theirs(texts), strict=True) if count(t) != n] == []


def test_every_pair_and_many_strings_of_odd_parts():
    draw = random.Random(3)
    compare(["".join(pair) for pair in itertools.product(PARTS, repeat=2)])
    compare(["".join(draw.choices(PARTS, k=draw.randint(3, 14))) for _ in range(8000)])


def test_every_character_of_the_basic_plane_and_some_beyond():
    compare([f"a{chr(c)}b {chr(c)}1" for c in range(0, 0x20000, 3) if not 0xD800 <= c < 0xE000])


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text(text):
    pieces = CONTROL_TOKEN_PATTERN.split(text)[::2]
    compare([piece for piece in pieces if piece])


def test_control_tokens_cut_text_into_pieces_that_are_encoded_alone():
    for line in (ROOT / "examples/data/reasoning.jsonl").read_text("utf-8").splitlines():
        text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in json.loads(line)["messages"])
        text += "<think>\n\n</think>\n\n  x<tool_call>\n{}\n</tool_call>"
        pieces = CONTROL_TOKEN_PATTERN.split(text)
        whole = sum(count(piece) for piece in pieces[::2]) + len(pieces) // 2
        assert [whole] == theirs([text])


def test_another_tokenizer_is_asked_for_each_piece():
    other = TokenCounter(TOKENIZER, is_qwen3=False)
    text = "Hello, world: 12345 naïve"
    assert sum(value & COUNT_MASK for value in other.get_word_values(text)) == theirs([text])[0]


def test_memory_is_bounded():
    counter = TokenCounter(TOKENIZER)
    for at in range(0, 40_000, 1000):
        counter.get_word_values(
            " ".join(
                f"w{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676 % 26)}" for n in range(at, at + 1000)
            )
        )
    counter.get_word_values("x" * 5000)
    assert len(counter.word_cache) <= MAX_CACHED_WORDS
    assert "x" * 5000 not in counter.word_cache


def test_hashes_are_of_words():
    assert hash_words("one two") == [hash_words("one")[0], hash_words(" two")[0]]
