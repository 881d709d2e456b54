"""What was found in some rows: counts, and a few of each with their text. Tallies add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from qwen_recipes.data.lengths import Lengths

SHOWN = 5
"""Rows of each code that are shown."""
TEXT = 100
"""Characters of a row's text that are shown."""


@dataclass(frozen=True)
class Example:
    """One row that breaks a rule."""

    file: str
    line: int
    message: str
    text: str = ""

    def moved(self, lines: int) -> Example:
        """The same, where its part of the file begins so many lines later."""
        return Example(self.file, self.line + lines, self.message, self.text)


@dataclass
class Tally:
    """Rows of one or more files. `read` counts lines that should be rows, `good` those that can be trained on."""

    read: int = 0
    good: int = 0
    lines: int = 0
    reasoning: int = 0
    """Good rows whose last answer has reasoning."""
    turns: Counter[int] = field(default_factory=Counter)
    """Good rows by their number of assistant turns."""
    lengths: Lengths = field(default_factory=Lengths)
    found: Counter[str] = field(default_factory=Counter)
    """Rows by the code of the guard that they break."""
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def hit(self, code: str, example: Example, count: int = 1) -> None:
        """Count what breaks a rule."""
        self.found[code] += count
        shown = self.examples.setdefault(code, [])
        if len(shown) < SHOWN:
            shown.append(example)

    def add(self, other: Tally) -> None:
        """Count another's rows too; its lines come after mine."""
        self.read += other.read
        self.good += other.good
        self.reasoning += other.reasoning
        self.turns.update(other.turns)
        self.lengths.add(other.lengths)
        for code, examples in other.examples.items():
            shown = self.examples.setdefault(code, [])
            shown += [example.moved(self.lines) for example in examples[: SHOWN - len(shown)]]
        self.found.update(other.found)
        self.lines += other.lines


def shortened(text: str) -> str:
    """The beginning of a text on one line, unprintable characters as escapes."""
    text = text[: TEXT + 1]
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:TEXT])
    return line + "…" if len(text) > TEXT else line
