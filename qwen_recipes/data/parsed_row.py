"""What is known of one row: as it stands in the file, in our form, as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qwen_recipes.data.example_length import ExampleLength
from qwen_recipes.data.rows.formats import SHAREGPT_ROLES, normalize_row
from qwen_recipes.data.rows.messages import BadRowError, Message, Row

ANSWER_COLUMNS = ("chosen", "rejected", "completion")


@dataclass
class ParsedRow:
    """One row. `variant` is the chat template's; `limit` the sequence length in tokens, None where none is set."""

    row: Any
    row_format: str
    columns: dict[str, str]
    variant: str
    limit: int | None = None
    normalized: Row | None = None
    """In our form (see `rows.formats`); None where the row can't be trained on, for the reason in `problem`."""
    problem: str = ""
    texts: list[str] = field(default_factory=list)
    """As the model sees it: one text, or two for a pair."""
    length: ExampleLength | None = None
    """Of the longest of its texts."""
    lengths: list[ExampleLength] = field(default_factory=list)
    """Of each example that it is trained as; of a pair, the longer text's."""
    without_loss: bool = False
    """Whether flags take every turn out of the loss."""

    @cached_property
    def turns(self) -> list[Message]:
        """Every message of the row as it is written, its role in our names where it is known."""
        return list(_read_turns(self.row, self.row_format, self.columns))

    @cached_property
    def all_text(self) -> str:
        """Everything that is said in the row, without the template's marks."""
        return "\n".join([content for turn in self.turns if isinstance(content := turn.get("content"), str)])

    @cached_property
    def answers(self) -> list[Message]:
        """The assistant's messages."""
        return [turn for turn in self.turns if turn.get("role") == "assistant"]


def parse_row(row: Any, row_format: str, columns: dict[str, str], variant: str, limit: int | None) -> ParsedRow:
    """The facts of a row as far as no template and no tokenizer is needed for them."""
    facts = ParsedRow(row, row_format, columns, variant, limit)
    try:
        facts.normalized = normalize_row(row, row_format, columns)
    except BadRowError as error:
        facts.problem = str(error)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        facts.problem = f"can't be read as {row_format}: {error!r}"
    return facts


def _read_turns(row: Any, row_format: str, columns: dict[str, str]) -> Iterator[Message]:
    if not isinstance(row, dict):
        return
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}} if columns else row
    if row_format == "sharegpt":
        yield from _read_sharegpt(named)
    elif row_format == "messages":
        yield from _read_message_list(named.get("messages"))
    elif row_format == "alpaca":
        yield from _read_alpaca(named)
    elif row_format == "text":
        yield {"role": "text", "content": named.get("text")}
    else:
        yield from _read_prompt_and_answers(named)


def _read_message_list(value: Any) -> Iterator[Message]:
    if isinstance(value, list):
        yield from (message for message in value if isinstance(message, dict))


def _read_sharegpt(row: Row) -> Iterator[Message]:
    if isinstance(row.get("system"), str) and row["system"]:
        yield {"role": "system", "content": row["system"]}
    for turn in _read_message_list(row.get("conversations")):
        said = turn.get("from")
        role = SHAREGPT_ROLES.get(str(said), said)
        if role == "function_call":
            yield {"role": "assistant", "content": "", "tool_calls": [turn.get("value")]}
        else:
            yield {"role": role, "content": turn.get("value")}


def _read_alpaca(row: Row) -> Iterator[Message]:
    for name, role in (("system", "system"), ("instruction", "user"), ("input", "user"), ("output", "assistant")):
        if row.get(name):
            yield {"role": role, "content": row[name]}


def _read_prompt_and_answers(row: Row) -> Iterator[Message]:
    prompt = row.get("prompt", row.get("messages"))
    if isinstance(prompt, str):
        yield {"role": "user", "content": prompt}
    yield from _read_message_list(prompt)
    for name in ANSWER_COLUMNS:
        answer = row.get(name)
        answer = answer[-1] if isinstance(answer, list) and answer else answer
        if isinstance(answer, str):
            yield {"role": "assistant", "content": answer}
        elif isinstance(answer, dict):
            yield answer
