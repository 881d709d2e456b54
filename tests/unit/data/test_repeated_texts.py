"""Texts of one thing over and over take time that grows as they do: turns without an end, and line breaks."""

from __future__ import annotations

import time

import pytest

from qwen_recipes.cli.escaping import escape_line, escape_text
from qwen_recipes.data.example_length import LossSelection
from qwen_recipes.data.rows.layout_readers import is_transcript, split_transcript
from qwen_recipes.data.token_counter import CONTROL_TOKEN_PATTERN

SHORT, TIMES = 500, 8
TRIES = 4


def find_turns(count: int) -> object:
    pieces = CONTROL_TOKEN_PATTERN.split("<|im_start|>assistant\n" * count)
    return LossSelection("assistant").find_trained_turns(pieces)


READERS = {
    "turns without an end": find_turns,
    "line breaks, printed": lambda count: escape_text("\n" * count),
    "line breaks and blanks, printed": lambda count: escape_text("\n \t" * count + ":"),
    "line breaks, in one line": lambda count: escape_line("\n" * count),
    "line breaks before a transcript": lambda count: is_transcript("\n" * count + "Human"),
    "line breaks in a transcript": lambda count: split_transcript("Human: a" + "\n" * count + "b", "chosen"),
    "line breaks between letters": lambda count: split_transcript("Human: a" + "b\n\n" * count, "chosen"),
}


def measure(name: str, count: int) -> float:
    def time_once() -> float:
        began = time.process_time()
        READERS[name](count)
        return time.process_time() - began

    return min(time_once() for _ in range(3))


@pytest.mark.parametrize("name", READERS)
def test_eight_times_as_many_take_about_eight_times_as_long(name):
    """Quadratic time would be 64 times as long; a busy machine may spoil some tries."""
    ratios = []
    for _ in range(TRIES):
        ratios.append(measure(name, SHORT * TIMES) / max(measure(name, SHORT), 1e-4))
        if ratios[-1] <= 3 * TIMES:
            return
    raise AssertionError(f"{name}: {ratios}")


def test_a_turn_ends_at_its_own_end_or_at_the_last_of_all():
    text = "<|im_start|>assistant\na<|im_start|>assistant\nb<|im_end|>\n<|im_start|>assistant\nc"
    pieces = CONTROL_TOKEN_PATTERN.split(text)
    assert LossSelection("assistant").find_trained_turns(pieces) == [(2, 6, False), (4, 6, False), (8, 9, False)]


def test_a_transcript_keeps_its_blank_lines():
    assert split_transcript("\n\nHuman: a\n\n\nb\n\n Assistant: c\nHuman: d", "chosen") == [
        {"role": "user", "content": "a\n\n\nb"},
        {"role": "assistant", "content": "c\nHuman: d"},
    ]
