"""What was found in some rows: counts, and a few of each with their text. Tallies add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from qwen_recipes.data.length_histogram import LengthHistogram
from qwen_recipes.guards.rows.answer_counts import AnswerCounts
from qwen_recipes.guards.rows.opposite_labels import LabelledAnswers

MAX_OFFENDING_ROWS = 5
"""Rows of each code that are shown."""
MAX_TEXT_LENGTH = 100
"""Characters of a row's text that are shown."""


RoleNames = tuple[tuple[str, str], ...]
"""`roles` of a source: its own names with ours."""


@dataclass(frozen=True)
class OffendingRow:
    """One row that breaks a rule."""

    file: str
    line: int
    message: str
    text: str = ""

    def shift_line(self, lines: int) -> OffendingRow:
        """The same, where its part of the file begins so many lines later."""
        return OffendingRow(self.file, self.line + lines, self.message, self.text)


@dataclass
class RowStatistics:
    """Rows of one or more files. `read` counts lines that should be rows, `good` those that can be trained on."""

    read: int = 0
    good: int = 0
    lines: int = 0
    examples_made: int = 0
    """Examples that good rows become: several for a conversation that `chat.turns: split` cuts."""
    split: int = 0
    """Good rows that become several examples."""
    flagged: int = 0
    """Assistant turns of good rows that `train`, `weight` or `loss` takes out of the loss."""
    unread: Counter[str] = field(default_factory=Counter)
    """Rows by the keys in them that nothing reads."""
    beside_prompts: Counter[str] = field(default_factory=Counter)
    """Rows by their columns beside a prompt without an answer: reward functions get them, the model does not."""
    reasoning: int = 0
    """Good rows whose last answer has reasoning."""
    turns: Counter[int] = field(default_factory=Counter)
    """Good rows by their number of assistant turns."""
    lengths: LengthHistogram = field(default_factory=LengthHistogram)
    answer_turns: int = 0
    """Answers of good rows that carry loss."""
    reasoned_turns: int = 0
    """Those of them that have reasoning."""
    written_roles: dict[RoleNames, Counter[str]] = field(default_factory=dict)
    """Rows by the roles that they write, where `roles` of their source names some."""
    answers: AnswerCounts = field(default_factory=AnswerCounts)
    labelled: LabelledAnswers = field(default_factory=LabelledAnswers)
    violation_counts: Counter[str] = field(default_factory=Counter)
    """Rows by the code of the guard that they break."""
    examples: dict[str, list[OffendingRow]] = field(default_factory=dict)

    def add_violation(self, code: str, example: OffendingRow, count: int = 1) -> None:
        """Count what breaks a rule."""
        self.violation_counts[code] += count
        shown = self.examples.setdefault(code, [])
        if len(shown) < MAX_OFFENDING_ROWS:
            shown.append(example)

    def add_roles(self, names: RoleNames, row_roles: Iterable[str] | Counter[str]) -> None:
        """Count the roles of a row, or of rows, whose source names some in `roles`."""
        self.written_roles.setdefault(names, Counter()).update(row_roles)

    def add(self, other: RowStatistics) -> None:
        """Count another's rows too; its lines come after mine."""
        self.read += other.read
        self.good += other.good
        self.examples_made += other.examples_made
        self.split += other.split
        self.flagged += other.flagged
        self.unread.update(other.unread)
        self.beside_prompts.update(other.beside_prompts)
        self.reasoning += other.reasoning
        self.turns.update(other.turns)
        self.lengths.add(other.lengths)
        self.answer_turns += other.answer_turns
        self.reasoned_turns += other.reasoned_turns
        self.answers.add(other.answers)
        self.labelled.add(other.labelled, self.lines)
        for names, counts in other.written_roles.items():
            self.add_roles(names, counts)
        for code, examples in other.examples.items():
            shown = self.examples.setdefault(code, [])
            shown += [example.shift_line(self.lines) for example in examples[: MAX_OFFENDING_ROWS - len(shown)]]
        self.violation_counts.update(other.violation_counts)
        self.lines += other.lines


def shorten_text(text: str) -> str:
    """The beginning of a text on one line, unprintable characters as escapes."""
    text = text[: MAX_TEXT_LENGTH + 1]
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:MAX_TEXT_LENGTH])
    return line + "…" if len(text) > MAX_TEXT_LENGTH else line
