"""Nearly the same answer to a prompt, labelled desirable in one row and undesirable in another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple
from zlib import crc32

MAX_KEPT = 20_000
"""Answers that are kept to be compared."""
MAX_PER_PROMPT = 16
"""Answers of one prompt that are compared."""
MAX_TEXT = 400
"""Characters of an answer that are compared; what follows has to be the same."""
MIN_EDITED = 20
"""Characters of an answer below which only the same words count as nearly the same."""
SIMILARITY = 0.9
"""Of the characters of two answers, the share in common by which they are nearly the same."""
_SEPARATORS = re.compile(r"[\W_]+")
_NUMBERS = re.compile(r"\d+")


class LabelledAnswer(NamedTuple):
    """An answer, its words in lower case without punctuation, and where it stands."""

    label: bool
    words: str
    rest: int
    text: str
    file: str
    line: int


@dataclass
class LabelledAnswers:
    """Labelled answers by the hash of their prompt."""

    kept: int = 0
    by_prompt: dict[int, list[LabelledAnswer]] = field(default_factory=dict)

    def add_row(self, row: dict[str, Any], file: str, line: int) -> None:
        """A labelled example in our form."""
        asked = "\n".join(message["content"] for message in row["prompt"] if message["role"] != "system")
        text = str(row["completion"])
        answer = LabelledAnswer(row["label"], normalize_words(text[:MAX_TEXT]), hash_text(text[MAX_TEXT:]),
                                text[:100], file, line)  # fmt: skip
        self._keep(hash_text(normalize_words(asked)), answer)

    def add(self, other: LabelledAnswers, lines: int) -> None:
        """The answers of further rows, whose lines come after so many."""
        for prompt, answers in other.by_prompt.items():
            for answer in answers:
                self._keep(prompt, answer._replace(line=answer.line + lines))

    def _keep(self, prompt: int, answer: LabelledAnswer) -> None:
        answers = self.by_prompt.setdefault(prompt, []) if self.kept < MAX_KEPT else self.by_prompt.get(prompt, [])
        if self.kept < MAX_KEPT and len(answers) < MAX_PER_PROMPT:
            answers.append(answer)
            self.kept += 1

    def find_pairs(self) -> Iterator[tuple[LabelledAnswer, LabelledAnswer]]:
        """Each answer with the first before it that is nearly the same and has the other label."""
        for answers in self.by_prompt.values():
            for at, answer in enumerate(answers):
                others = (other for other in answers[:at] if other.label != answer.label and are_alike(other, answer))
                if (other := next(others, None)) is not None:
                    yield other, answer


def are_alike(one: LabelledAnswer, other: LabelledAnswer) -> bool:
    """Whether two answers have the same words, or differ in a few characters that are no numbers."""
    if one.rest != other.rest:
        return False
    if one.words == other.words:
        return True
    if min(len(one.words), len(other.words)) < MIN_EDITED:
        return False
    if _NUMBERS.findall(one.words) != _NUMBERS.findall(other.words):
        return False
    matcher = SequenceMatcher(None, one.words, other.words, autojunk=False)
    return matcher.quick_ratio() >= SIMILARITY and matcher.ratio() >= SIMILARITY


def normalize_words(text: str) -> str:
    """The words of a text in lower case, one space between them; a text without words stays as it is."""
    return _SEPARATORS.sub(" ", text.casefold()).strip() or text.strip()


def hash_text(text: str) -> int:
    """A number for a text; 0 for none."""
    data = text.strip().encode("utf-8", "surrogatepass")
    return crc32(data) << 32 | len(data) if data else 0
