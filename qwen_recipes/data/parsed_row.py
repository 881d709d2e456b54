"""What is known of one row: as it stands in the file, in our form, as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qwen_recipes.data.example_length import ExampleLength
from qwen_recipes.data.rows.formats import normalize_arranged
from qwen_recipes.data.rows.layouts import CONVERSATION_FORMATS, arrange_row
from qwen_recipes.data.rows.message_forms import PLAIN, RowOptions
from qwen_recipes.data.rows.messages import BadRowError, Message, Row
from qwen_recipes.data.rows.other_layout import explain_other_layout
from qwen_recipes.data.rows.preferences import ANSWER_KEYS


@dataclass
class ParsedRow:
    """One row. `variant` is the chat template's; `limit` the sequence length in tokens, None where none is set."""

    row: Any
    row_format: str
    columns: dict[str, str]
    variant: str
    limit: int | None = None
    arranged: Row = field(default_factory=dict)
    """Under the keys of its format (see `rows.layouts`); empty where it is no map."""
    normalized: Row | None = None
    """In our form (see `rows.formats`); None where the row can't be trained on, for the reason in `problem`."""
    problem: str = ""
    texts: list[str] = field(default_factory=list)
    """As the model sees it: one text, or two for a pair."""
    length: ExampleLength | None = None
    """Of the longest of its texts."""
    lengths: list[ExampleLength] = field(default_factory=list)
    """Of each example that it is trained as; of a pair, the longer text's."""
    train_on: str = "assistant"
    """Whose turns carry loss, as `chat.train_on` says."""
    without_loss: bool = False
    """Whether flags take every turn out of the loss."""

    @cached_property
    def turns(self) -> list[Message]:
        """Every message of the row as it is written, its role in our names where it is known."""
        return list(_list_turns(self.arranged, self.row_format))

    @cached_property
    def all_text(self) -> str:
        """Everything that is said in the row, without the template's marks."""
        return "\n".join([content for turn in self.turns if isinstance(content := turn.get("content"), str)])

    @cached_property
    def answers(self) -> list[Message]:
        """The assistant's messages."""
        return [turn for turn in self.turns if turn.get("role") == "assistant"]


def has_reasoning(message: Message) -> bool:
    """Whether an answer has reasoning, in a field of its own or in a think block that is not empty."""
    if message.get("reasoning_content"):
        return True
    content = message.get("content")
    if not isinstance(content, str) or "</think>" not in content:
        return False
    return bool(content.partition("</think>")[0].replace("<think>", "").strip())


def has_tool_call(message: Message) -> bool:
    """Whether an answer calls a tool, in a field of its own or in its text."""
    content = message.get("content")
    return bool(message.get("tool_calls")) or (isinstance(content, str) and "<tool_call>" in content)


def parse_row(
    row: object,
    row_format: str,
    columns: dict[str, str],
    variant: str,
    limit: int | None,
    options: RowOptions = PLAIN,
) -> ParsedRow:
    """The facts of a row as far as no template and no tokenizer is needed for them."""
    facts = ParsedRow(row, row_format, columns, variant, limit)
    try:
        layout, facts.arranged = arrange_row(row, row_format, columns, options)
        facts.row_format = layout.format
        facts.normalized = normalize_arranged(facts.arranged, layout.format, options)
    except BadRowError as error:
        facts.problem = f"{error}{explain_other_layout(row, row_format)}"
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        facts.problem = f"can't be read as {row_format}: {error!r}"
    return facts


def _list_turns(arranged: Row, row_format: str) -> Iterator[Message]:
    if isinstance(arranged.get("system"), str) and arranged["system"]:
        yield {"role": "system", "content": arranged["system"]}
    if row_format in CONVERSATION_FORMATS:
        yield from _read_message_list(arranged.get("messages"))
    elif row_format == "text":
        yield {"role": "text", "content": arranged.get("text")}
    else:
        yield from _read_prompt_and_answers(arranged)


def _read_message_list(value: object) -> Iterator[Message]:
    if isinstance(value, list):
        yield from (message for message in value if isinstance(message, dict))


def _read_prompt_and_answers(row: Row) -> Iterator[Message]:
    prompt = row.get("prompt", row.get("messages"))
    if isinstance(prompt, str):
        yield {"role": "user", "content": prompt}
    yield from _read_message_list(prompt)
    for name in ANSWER_KEYS:
        answer = row.get(name)
        answer = answer[-1] if isinstance(answer, list) and answer else answer
        if isinstance(answer, str):
            yield {"role": "assistant", "content": answer}
        elif isinstance(answer, dict):
            yield answer
