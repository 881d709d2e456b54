"""Judge rows: what one process does with one part of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qwen_recipes.data.facts import RowFacts, read_facts
from qwen_recipes.data.measure import Length, Measure, hashes, loss_of
from qwen_recipes.data.reading import Record, Work, records
from qwen_recipes.data.sketch import factors, sketch
from qwen_recipes.data.texts import Template
from qwen_recipes.data.tokenizer import is_qwen3, load_tokenizer
from qwen_recipes.data.words import COUNT_BITS, Counter, control_value
from qwen_recipes.guards.rows import TROUBLES, row_guards
from qwen_recipes.guards.rows.tally import Example, Tally, shortened
from qwen_recipes.qwen.facts import ModelFacts

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

LAYOUT = "QR520"
END_OF_TURN = control_value("<|im_end|>") >> COUNT_BITS


@dataclass(frozen=True)
class Rules:
    """What rows are judged by. `limit` is the sequence length in tokens, None where none is set."""

    model: ModelFacts
    template: Template
    train_on: str = "assistant"
    thinking: str = "auto"
    limit: int | None = None
    off: frozenset[str] = frozenset()
    """Codes that are allowed: not looked for."""


@dataclass(frozen=True)
class Rows:
    """One file of rows."""

    number: int
    file: str
    layout: str
    columns: Mapping[str, str] = field(default_factory=dict)
    validation: bool = False


class Judge:
    """Judges rows by rules; one to a process, since it remembers words."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        tokenizer = load_tokenizer(rules.model)
        self.counter = Counter(tokenizer, is_qwen3(rules.model, tokenizer))
        self.measures: dict[str, Measure] = {}
        self.factors = factors()
        self.guards = [g for g in row_guards() if g.row and g.code not in rules.off and g.code != LAYOUT]
        self.layout = None if LAYOUT in rules.off else next(g for g in row_guards() if g.code == LAYOUT)

    def part(self, work: Work, rows: Rows) -> tuple[Tally, Array]:
        """What is found in a part of a file, and what is kept of its rows to find duplicates."""
        tally, kept, lines = Tally(), Kept(rows), [0]
        for record in records(work, lines):
            tally.read += 1
            self._record(record, rows, tally, kept)
        tally.lines = lines[-1]
        return tally, kept.array()

    def _record(self, record: Record, rows: Rows, tally: Tally, kept: Kept) -> None:
        if record.problem:
            if TROUBLES["broken"] not in self.rules.off:
                example = Example(rows.file, record.number, record.problem, shortened(record.text))
                tally.hit(TROUBLES["broken"], example)
            return
        facts = read_facts(record.row, rows.layout, dict(rows.columns), self.rules.template.variant, self.rules.limit)
        if facts.plain is not None:
            self._measured(facts, record, tally, kept)
        self._judged(facts, record, rows, tally)

    def _measured(self, facts: RowFacts, record: Record, tally: Tally, kept: Kept) -> None:
        assert facts.plain is not None
        try:
            facts.texts = self.rules.template.texts(facts.plain)
            measured = self._measure(facts.layout).row(facts.plain, facts.texts, self.rules.template.render)
        except (ValueError, TypeError, UnicodeError) as error:
            facts.plain, facts.problem = None, f"can't be rendered or tokenized: {error}"
            return
        facts.length = max((length for length, _ in measured), key=lambda length: length.tokens)
        kept.row(record.number, facts, [hashes(values) for _, values in measured], self.factors)
        _count(tally, facts, facts.length)

    def _measure(self, layout: str) -> Measure:
        if layout not in self.measures:
            rules = self.rules
            loss = loss_of(rules.train_on, rules.thinking, layout)
            self.measures[layout] = Measure(self.counter, loss)
        return self.measures[layout]

    def _judged(self, facts: RowFacts, record: Record, rows: Rows, tally: Tally) -> None:
        known = False
        for guard in self.guards:
            assert guard.row is not None
            for hit in guard.row(facts):
                known = known or guard.severity == "error"
                example = Example(rows.file, record.number, hit.message, shortened(hit.text))
                tally.hit(guard.code, example)
        if facts.plain is None and not known and self.layout and self.layout.row:
            for hit in self.layout.row(facts):
                tally.hit(LAYOUT, Example(rows.file, record.number, hit.message, shortened(hit.text)))


class Kept:
    """What is kept of rows to find duplicates among them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.entries: list[tuple[int, int]] = []
        self.sketches: list[Array] = []

    def row(self, line: int, facts: RowFacts, words: list[Array], factors: Array) -> None:
        """Keep a row: the hash of its texts, and a sketch of their words behind the system message."""
        import numpy

        self.entries.append((text_hash(facts.texts), line))
        said = [_after_system(one) if text.startswith("<|im_start|>system\n") else one
                for text, one in zip(facts.texts, words, strict=True)]  # fmt: skip
        self.sketches.append(sketch(said[0] if len(said) == 1 else numpy.concatenate(said), factors))

    def array(self) -> Array:
        """One record a row."""
        import numpy

        from qwen_recipes.data.duplicates import record_type

        made = numpy.zeros(len(self.entries), record_type())
        if self.entries:
            made["hash"], made["line"] = zip(*self.entries, strict=True)
            made["sketch"] = numpy.stack(self.sketches)
        made["source"], made["validation"] = self.rows.number, self.rows.validation
        return made


def text_hash(texts: list[str]) -> int:
    """64 bits of a row's texts."""
    from hashlib import blake2b

    text = "\0".join(texts)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _after_system(words: Array) -> Array:
    """The words behind the first turn, which many rows share."""
    import numpy

    ends = numpy.flatnonzero(words == END_OF_TURN)
    return words[ends[0] + 1 :] if len(ends) else words


def _count(tally: Tally, facts: RowFacts, length: Length) -> None:
    tally.good += 1
    tally.lengths.rows[length.tokens] += 1
    tally.lengths.trained += length.trained
    answers = facts.answers
    tally.turns[len(answers)] += 1
    if answers and facts.layout != "text":
        last = answers[-1]
        tally.reasoning += bool(last.get("reasoning_content")) or "</think>" in str(last.get("content"))
