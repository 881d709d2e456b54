"""Rewards for `sums.jsonl`: is the last number of the answer the right one, and is the answer short?"""

from __future__ import annotations

import re


def right_answer(completions: list[str], answer: list[int]) -> list[float]:
    """1 where the last number in the completion is the row's `answer`, else 0."""
    numbers = [re.findall(r"-?\d+", completion) for completion in completions]
    return [float(bool(found) and int(found[-1]) == right) for found, right in zip(numbers, answer, strict=True)]


def short_answer(completions: list[str]) -> list[float]:
    """1 for an empty completion, 0 from a thousand characters on."""
    return [max(0.0, 1.0 - len(completion) / 1000) for completion in completions]
