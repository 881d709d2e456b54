"""Judge rows: what one process does with one part of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.example_length import ExampleLength, TokenMeasurer, extract_word_hashes, select_loss
from qwen_recipes.data.minhash import compute_sketches, hash_factors
from qwen_recipes.data.parsed_row import ParsedRow, has_reasoning, parse_row
from qwen_recipes.data.rows.flags import is_trained
from qwen_recipes.data.rows.formats import list_columns_beside_prompt
from qwen_recipes.data.rows.message_forms import PLAIN, RowOptions
from qwen_recipes.data.rows.messages import BadRowError, Row
from qwen_recipes.data.rows.row_reader import FilePart, RawRow, read_raw_rows
from qwen_recipes.data.rows.unread_keys import find_unread_keys
from qwen_recipes.data.rows.written_roles import find_written_roles
from qwen_recipes.data.token_counter import COUNT_BITS, TokenCounter, control_token_value
from qwen_recipes.data.tokenizer import is_qwen3_tokenizer, load_tokenizer
from qwen_recipes.guards.rows import FILE_PROBLEM_CODES, load_row_guards
from qwen_recipes.guards.rows.row_statistics import OffendingRow, RowStatistics, shorten_text
from qwen_recipes.qwen.facts import ModelFacts

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

FORMAT_CODE = "QR520"
SKETCHED_WORDS = 2048
"""Words of examples whose sketches are computed at once."""
END_OF_TURN_VALUE = control_token_value("<|im_end|>") >> COUNT_BITS


@dataclass(frozen=True)
class RowCheckSettings:
    """What rows are judged by. `limit` is the sequence length in tokens, None where none is set."""

    model: ModelFacts
    template: TemplateRenderer
    train_on: str = "assistant"
    thinking: str = "auto"
    turns: str = "together"
    limit: int | None = None
    allowed_codes: frozenset[str] = frozenset()
    """Codes that are allowed: not looked for."""


@dataclass(frozen=True)
class RowFile:
    """One file of rows, or its first `most_rows`."""

    number: int
    file: str
    layout: str
    columns: Mapping[str, str] = field(default_factory=dict)
    validation: bool = False
    options: RowOptions = PLAIN
    encoding: str = ""
    most_rows: int | None = None


class RowChecker:
    """Judges rows by rules; one to a process, since it remembers words."""

    def __init__(self, rules: RowCheckSettings) -> None:
        self.rules = rules
        tokenizer = load_tokenizer(rules.model)
        self.counter = TokenCounter(tokenizer, is_qwen3_tokenizer(rules.model, tokenizer))
        self.measures: dict[str, TokenMeasurer] = {}
        self.factors = hash_factors()
        self.guards = [
            g for g in load_row_guards() if g.check_row and g.code not in rules.allowed_codes and g.code != FORMAT_CODE
        ]
        self.layout = (
            None if FORMAT_CODE in rules.allowed_codes else next(g for g in load_row_guards() if g.code == FORMAT_CODE)
        )

    def check_part(self, work: FilePart, rows: RowFile) -> tuple[RowStatistics, Array]:
        """What is found in a part of a file, and what is kept of its rows to find duplicates."""
        tally, kept, lines = RowStatistics(), RowFingerprints(rows, self.factors), [0]
        for record in read_raw_rows(work, lines):
            tally.read += 1
            self._check_record(record, rows, tally, kept)
        tally.lines = lines[-1]
        return tally, kept.to_array()

    def _check_record(self, record: RawRow, rows: RowFile, tally: RowStatistics, kept: RowFingerprints) -> None:
        if record.problem:
            if FILE_PROBLEM_CODES["broken"] not in self.rules.allowed_codes:
                example = OffendingRow(rows.file, record.number, record.problem, shorten_text(record.text))
                tally.add_violation(FILE_PROBLEM_CODES["broken"], example)
            return
        variant, limit = self.rules.template.variant, self.rules.limit
        facts = parse_row(record.row, rows.layout, dict(rows.columns), variant, limit, rows.options)
        facts.train_on = self.rules.train_on
        if unread := find_unread_keys(record.row, rows.layout, rows.columns):
            tally.unread.update(unread)
        if rows.options.roles:
            tally.add_roles(tuple(rows.options.roles.items()), find_written_roles(record.row, rows.columns))
        if facts.normalized is not None:
            self._measure_row(facts, record, tally, kept)
        self._run_row_guards(facts, record, rows, tally)

    def _measure_row(self, row: ParsedRow, record: RawRow, tally: RowStatistics, kept: RowFingerprints) -> None:
        assert row.normalized is not None
        flagged = count_flagged_turns(row.normalized)
        try:
            examples = self._make_examples(row)
            measured = [self._measure_example(row, example) for example in examples]
        except (ValueError, TypeError, UnicodeError) as error:
            if not row.without_loss:
                row.problem = f"cannot be rendered or tokenized: {error}"
            row.normalized = None
            return
        row.texts = [text for one in measured for text in one.texts]
        row.lengths = [one.length for one in measured]
        row.length = max(row.lengths, key=lambda length: length.tokens)
        for one in measured:
            kept.add_example(record.number, one)
        if row.row_format == "kto":
            tally.labelled.add_row(row.normalized, kept.rows.file, record.number)
        _count_row(tally, row, flagged)

    def _make_examples(self, row: ParsedRow) -> list[Row]:
        assert row.normalized is not None
        try:
            return self.rules.template.make_examples(row.normalized, self.rules.turns, self.rules.train_on)
        except BadRowError as error:
            row.without_loss, row.problem = True, str(error)
            raise

    def _measure_example(self, row: ParsedRow, example: Row) -> MeasuredExample:
        template = self.rules.template
        texts = template.render_row(example)
        measured = self._get_measurer(row.row_format).measure_row(example, texts, template.render)
        longest = max((length for length, _ in measured), key=lambda length: length.tokens)
        return MeasuredExample(texts, longest, [extract_word_hashes(values) for _, values in measured])

    def _get_measurer(self, layout: str) -> TokenMeasurer:
        if layout not in self.measures:
            rules = self.rules
            loss = select_loss(rules.train_on, rules.thinking, layout)
            self.measures[layout] = TokenMeasurer(self.counter, loss)
        return self.measures[layout]

    def _run_row_guards(self, row: ParsedRow, record: RawRow, rows: RowFile, tally: RowStatistics) -> None:
        known = False
        for guard in self.guards:
            assert guard.check_row is not None
            for hit in guard.check_row(row):
                known = known or guard.severity == "error"
                example = OffendingRow(rows.file, record.number, hit.message, shorten_text(hit.text))
                tally.add_violation(guard.code, example)
        if row.normalized is None and not known and self.layout and self.layout.check_row:
            for hit in self.layout.check_row(row):
                tally.add_violation(
                    FORMAT_CODE, OffendingRow(rows.file, record.number, hit.message, shorten_text(hit.text))
                )


class MeasuredExample(NamedTuple):
    """One example of a row: its texts (two of a pair), the length of the longer, and each text's words as hashes."""

    texts: list[str]
    length: ExampleLength
    words: list[Array]


class RowFingerprints:
    """What is kept of rows to find duplicates among them. `factors`: see `hash_factors`."""

    def __init__(self, rows: RowFile, factors: Array) -> None:
        self.rows, self.factors = rows, factors
        self.entries: list[tuple[int, int]] = []
        self.sketches: list[Array] = []
        self.waiting: list[Array] = []
        """Words of the examples whose sketches are not made yet."""
        self.words_waiting = 0

    def add_example(self, line: int, example: MeasuredExample) -> None:
        """Keep an example: the hash of its texts, and a sketch of their words behind the system message."""
        import numpy

        self.entries.append((hash_texts(example.texts), line))
        said = [_skip_first_turn(one) if text.startswith("<|im_start|>system\n") else one
                for text, one in zip(example.texts, example.words, strict=True)]  # fmt: skip
        self.waiting.append(said[0] if len(said) == 1 else numpy.concatenate(said))
        self.words_waiting += len(self.waiting[-1])
        if self.words_waiting > SKETCHED_WORDS or len(self.waiting) > SKETCHED_WORDS:
            self._add_sketches()

    def _add_sketches(self) -> None:
        if self.waiting:
            self.sketches.append(compute_sketches(self.waiting, self.factors))
        self.waiting, self.words_waiting = [], 0

    def to_array(self) -> Array:
        """One record a row."""
        import numpy

        from qwen_recipes.data.duplicates import row_dtype

        self._add_sketches()
        made = numpy.zeros(len(self.entries), row_dtype())
        if self.entries:
            made["hash"], made["line"] = zip(*self.entries, strict=True)
            made["sketch"] = numpy.concatenate(self.sketches)
        made["source"], made["validation"] = self.rows.number, self.rows.validation
        return made


def hash_texts(texts: list[str]) -> int:
    """64 bits of a row's texts."""
    from hashlib import blake2b

    text = "\0".join(texts)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _skip_first_turn(words: Array) -> Array:
    """The words behind the first turn, which many rows share."""
    import numpy

    ends = numpy.flatnonzero(words == END_OF_TURN_VALUE)
    return words[ends[0] + 1 :] if len(ends) else words


def count_flagged_turns(row: Row) -> int:
    """Assistant turns of a row in our form that flags take out of the loss."""
    return sum(message["role"] == "assistant" and not is_trained(message) for message in row.get("messages", ()))


def _count_row(tally: RowStatistics, row: ParsedRow, flagged: int) -> None:
    assert row.normalized is not None
    tally.good += 1
    tally.beside_prompts.update(list_columns_beside_prompt(row.normalized))
    tally.examples_made += len(row.lengths)
    tally.split += len(row.lengths) > 1
    tally.flagged += flagged
    for length in row.lengths:
        tally.lengths.rows[length.tokens] += 1
        tally.lengths.loss_tokens += length.loss_tokens
    answers = row.answers
    tally.turns[len(answers)] += 1
    if answers and row.row_format != "text":
        last = answers[-1]
        tally.reasoning += bool(last.get("reasoning_content")) or "</think>" in str(last.get("content"))
        trained = [turn for turn in answers if turn.get("train") is not False]
        tally.answer_turns += len(trained)
        tally.reasoned_turns += len([turn for turn in trained if has_reasoning(turn)])
        loss = sum([length.loss_tokens for length in row.lengths])
        text = last.get("content")
        if not last.get("tool_calls") and isinstance(text, str):
            tally.answers.add_answer(text, loss, labelled=row.row_format == "kto")
