"""How alike and how short the answers of many rows are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

MAX_KEPT = 20_000
"""Different answers that are counted; where there are so many, they are not alike."""
MIN_ROWS = 20
"""Rows below which nothing is said."""
SHORT_TOKENS = 3
"""Tokens in the loss of a short answer, the end of the turn among them."""
FEW_ANSWERS = 5
SHARE = 0.5


@dataclass
class AnswerCounts:
    """Answers of rows by the hash of their text; `texts` are the first of them."""

    rows: int = 0
    short: int = 0
    labelled: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    texts: dict[int, str] = field(default_factory=dict)

    def add_answer(self, text: str, trained_tokens: int, *, labelled: bool) -> None:
        """One row's last answer, and how many tokens of the row are in the loss."""
        self.rows += 1
        self.labelled += labelled
        self.short += trained_tokens <= SHORT_TOKENS
        key = crc32(text.encode("utf-8", "surrogatepass")) << 32 | len(text)
        if key in self.counts or len(self.counts) < MAX_KEPT:
            self.counts[key] += 1
            if len(self.texts) < MAX_KEPT // 100:
                self.texts.setdefault(key, text[:100])

    def add(self, other: AnswerCounts) -> None:
        """The answers of further rows."""
        self.rows, self.short, self.labelled = (
            self.rows + other.rows,
            self.short + other.short,
            self.labelled + other.labelled,
        )
        self.counts.update(other.counts)
        self.texts = {**other.texts, **self.texts}

    def find_problems(self) -> Iterator[tuple[str, int, str, str]]:
        """Code, number of rows, what is wrong, and a text."""
        if self.rows < MIN_ROWS:
            return
        most = self.counts.most_common(FEW_ANSWERS)
        few = sum(count for _, count in most)
        if self.labelled > SHARE * self.rows and few > SHARE * self.rows and len(most) < self.rows / 4:
            why = f"{few:,} of {self.rows:,} labelled examples have one of {len(most)} answers"
            yield "QR532", few, why, self._name(most)
        elif most and most[0][1] > SHARE * self.rows:
            why = f"{most[0][1]:,} of {self.rows:,} examples have the same answer"
            yield "QR533", most[0][1], why, self._name(most[:1])
        elif self.short > SHARE * self.rows:
            why = f"{self.short:,} of {self.rows:,} examples have at most {SHORT_TOKENS} tokens in the loss"
            yield "QR533", self.short, why, ""

    def _name(self, answers: list[tuple[int, int]]) -> str:
        return ", ".join(self.texts[key] for key, _ in answers if key in self.texts)
