"""Soft switches as people misspell them: `/nothink`, `/No_Think`, `/thnk`, `[no_think]`."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple

SWITCHES = ("/no_think", "/think")
CANDIDATE = re.compile(
    r"(?<![\w/.:<\\])[\\/](?=[ntdh])"
    r"((?:no|not|non|dont|don't|do not)[ _-]+[a-z]+|[a-z]+(?:[_-]+[a-z]+)*)(?![\w/>]|\.\w)",
    re.I,
)
"""A slash and a word; after `no`, the next word too."""
_BARE = r"([<\[{(]?no[_-]?think[>\]})]?)"
WITHOUT_SLASH = re.compile(rf"\A\s*{_BARE}(?=\s)|(?<=\s){_BARE}\s*\Z", re.I)
"""`no_think` alone at either end of a message."""
OFF_WORDS = frozenset(
    ("nothink", "nothinking", "nothought", "nothoughts", "notthink", "dontthink", "donotthink", "thinkoff", "thinkno")
)
ON_WORDS = frozenset(("think", "thinkon", "dothink"))
OTHER_WORDS = frozenset(("nothing", "thin", "thing", "thick", "thank", "things"))
"""Words that are as near to a switch as a misspelt one is."""


class MisspeltSwitch(NamedTuple):
    """What stands in a text, and the switch that was meant."""

    text: str
    suggestion: str


def may_hold_switch(text: str) -> bool:
    """Whether a text may hold a soft switch, misspelt or not: told in no time."""
    return "/" in text or "hink" in text or "\\" in text or "HINK" in text


def find_misspelt_switch(text: str) -> MisspeltSwitch | None:
    """The first of a message's words that is nearly a soft switch and is none."""
    if not may_hold_switch(text):
        return None
    for match in CANDIDATE.finditer(text):
        written, word = match[0], re.sub("[ _'-]", "", match[1].lower())
        if written not in SWITCHES and (meant := _find_meant(word)):
            return MisspeltSwitch(written, meant)
    bare = WITHOUT_SLASH.search(text)
    return MisspeltSwitch(bare[1] or bare[2], "/no_think") if bare else None


def _find_meant(word: str) -> str:
    """The switch that a word without its separators is near to; empty for none."""
    if word in OTHER_WORDS:
        return ""
    if word in OFF_WORDS or _is_one_edit_away(word, "nothink"):
        return "/no_think"
    return "/think" if word in ON_WORDS or _is_one_edit_away(word, "think") else ""


def _is_one_edit_away(word: str, target: str) -> bool:
    """Whether one letter more, less or other, or two exchanged, make the target."""
    if abs(len(word) - len(target)) > 1:
        return False
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, target, strict=False)))
    left, right = word[start:], target[start:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]
