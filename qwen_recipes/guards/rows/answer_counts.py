"""How alike and how short the answers of many rows are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from qwen_recipes.guards.rows.opposite_labels import hash_text, normalize_words

MAX_KEPT = 20_000
"""Different answers that are counted; where there are so many, they are not alike."""
MIN_ROWS = 10
"""Rows below which nothing is said."""
SHORT_TOKENS = 3
"""Tokens in the loss of a short answer, the end of the turn among them."""
SHORT_TEXT = 80
"""Characters of an answer that is compared without case and punctuation; longer ones are compared as they are."""
MAX_REPEATED_TEXT = 2000
"""Characters of an answer that are looked at for repetition."""
REPEATED_WORDS = 60
"""Words of an answer from which on it is looked at for repetition."""
REPEATED_SHARE = 0.1
"""Of the words of an answer that repeats itself, different ones at most."""
FEW_ANSWERS = 5
SHARE = 0.5


def is_repetitive(text: str) -> bool:
    """Whether a long answer consists of a few words over and over."""
    piece = text[200:220]
    if len(piece) < 20 or piece not in text[220:MAX_REPEATED_TEXT]:
        return False
    words = text[:MAX_REPEATED_TEXT].split()
    return len(words) >= REPEATED_WORDS and len(set(words)) <= REPEATED_SHARE * len(words)


@dataclass
class AnswerCounts:
    """Answers of rows by the hash of their words; `texts` are the first of them."""

    rows: int = 0
    short: int = 0
    repetitive: int = 0
    labelled: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    texts: dict[int, str] = field(default_factory=dict)

    def add_answer(self, text: str, trained_tokens: int, *, labelled: bool) -> None:
        """One row's last answer, and how many tokens of the row are in the loss."""
        self.rows += 1
        self.labelled += labelled
        self.short += trained_tokens <= SHORT_TOKENS
        self.repetitive += is_repetitive(text)
        key = hash_text(normalize_words(text) if len(text) <= SHORT_TEXT else text)
        if key in self.counts or len(self.counts) < MAX_KEPT:
            self.counts[key] += 1
            if len(self.texts) < MAX_KEPT // 100:
                self.texts.setdefault(key, text[:100])

    def add(self, other: AnswerCounts) -> None:
        """The answers of further rows."""
        self.rows += other.rows
        self.short += other.short
        self.repetitive += other.repetitive
        self.labelled += other.labelled
        self.counts.update(other.counts)
        self.texts = {**other.texts, **self.texts}

    def find_problems(self) -> Iterator[tuple[str, int, str, str]]:
        """Code, number of rows, what is wrong, and a text."""
        if self.rows < MIN_ROWS:
            return
        most = self.counts.most_common(FEW_ANSWERS)
        few = sum(count for _, count in most)
        if self.labelled > SHARE * self.rows and few > SHARE * self.rows and len(most) < self.rows / 4:
            which = f"one of {len(most)} answers" if len(most) > 1 else "the same answer"
            why = f"{few:,} of {self.rows:,} labelled examples have {which}"
            yield "QR532", few, why, self._name(most)
        elif most and most[0][1] > SHARE * self.rows:
            why = f"{most[0][1]:,} of {self.rows:,} examples have the same answer"
            yield "QR533", most[0][1], why, self._name(most[:1])
        elif self.short > SHARE * self.rows:
            why = f"{self.short:,} of {self.rows:,} examples have at most {SHORT_TOKENS} tokens in the loss"
            yield "QR533", self.short, why, ""

        elif self.repetitive > SHARE * self.rows:
            why = f"{self.repetitive:,} of {self.rows:,} answers repeat the same few words"
            yield "QR533", self.repetitive, why, self._name(most[:1])

    def _name(self, answers: list[tuple[int, int]]) -> str:
        return ", ".join(self.texts[key] for key, _ in answers if key in self.texts)
