"""From one row to the examples that are made of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qwen_recipes.data.rows.encode import EMPTY_THINK_BLOCK
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.layouts import ANY_CONVERSATION, CONVERSATION_FORMATS, arrange_row
from qwen_recipes.data.rows.message_forms import PLAIN, RowOptions
from qwen_recipes.data.rows.messages import BadRowError, Message, Row, join_system


@dataclass(frozen=True)
class ConversationOptions:
    """What is done to each conversation. `think` is keep, remove or add (an empty block)."""

    split_turns: bool = False
    strip: bool = False
    history_reasoning: str = "keep"
    think: str = "keep"


def convert_row(
    row: Any,
    row_format: str,
    columns: Mapping[str, str],
    options: ConversationOptions,
    reading: RowOptions = PLAIN,
) -> Iterator[Row]:
    """The examples of a row, one or several. Raises BadRowError for a row that can't be trained on."""
    if row_format not in (*CONVERSATION_FORMATS, ANY_CONVERSATION):
        normalize_row(row, row_format, columns, reading)
        yield row
        return
    rest, messages = _convert_conversation(row, row_format, columns, reading)
    if options.strip:
        messages = [_normalize_text(message) for message in messages]
    for part in _split_at_answers(messages) if options.split_turns else [messages]:
        made = {**rest, "messages": _edit_reasoning(part, options)}
        normalize_row(made, "messages", {})
        yield made


def extract_reasoning(row: Row) -> str:
    """The reasoning of a conversation's last answer."""
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    content, own = last.get("content"), last.get("reasoning_content")
    inside = content.partition("</think>") if isinstance(content, str) else ("", "", "")
    return str(own or "").strip() or (inside[0].replace("<think>", "").strip() if inside[1] else "")


def _convert_conversation(
    row: Any, row_format: str, columns: Mapping[str, str], reading: RowOptions
) -> tuple[Row, list[Message]]:
    """What the row says beside its conversation, and the conversation as messages."""
    layout, arranged = arrange_row(row, row_format, columns, reading)
    read = {*layout.list_columns(row), *columns.values(), *(v.partition(".")[0] for v in columns.values())}
    rest = {name: value for name, value in row.items() if name not in read}
    if arranged.get("tools") or "tools" in row:
        rest["tools"] = arranged.get("tools", row.get("tools"))
    messages = _require_dicts(arranged.get("messages"), "messages")
    return rest, list(join_system(messages, arranged.get("system")))


def _require_dicts(value: object, name: str) -> list[Message]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise BadRowError(f"no list `{name}` of maps")
    return value


def _split_at_answers(messages: list[Message]) -> Iterator[list[Message]]:
    """The conversation up to each answer that ends a turn; what comes after the last answer is left out."""
    ends = [
        at
        for at, message in enumerate(messages)
        if message.get("role") == "assistant" and _role_at(messages, at + 1) not in ("tool", "assistant")
    ]
    if not ends:
        raise BadRowError("no assistant turn: nothing to learn from")
    yield from (messages[: end + 1] for end in ends)


def _role_at(messages: list[Message], index: int) -> object:
    return messages[index].get("role") if index < len(messages) else None


def _edit_reasoning(messages: list[Message], options: ConversationOptions) -> list[Message]:
    """The messages with reasoning taken out or an empty block put in, as wished."""
    asked = max((at for at, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    made = []
    for at, message in enumerate(messages):
        history = at < asked and options.history_reasoning == "strip"
        if message.get("role") == "assistant" and (options.think == "remove" or history):
            message = _remove_reasoning(message)
        made.append(message)
    if options.think == "add" and made[-1].get("role") == "assistant" and not _has_think_block(made[-1]):
        made[-1] = {**made[-1], "content": EMPTY_THINK_BLOCK + (made[-1].get("content") or "").lstrip("\n")}
    return made


def _has_think_block(message: Message) -> bool:
    return bool(message.get("reasoning_content")) or "</think>" in (message.get("content") or "")


def _remove_reasoning(message: Message) -> Message:
    made = {name: value for name, value in message.items() if name != "reasoning_content"}
    content = made.get("content")
    if isinstance(content, str) and "</think>" in content:
        made["content"] = content.rpartition("</think>")[2].lstrip("\n")
    return made


def _normalize_text(message: Message) -> Message:
    """Text in Unicode's form C, an answer without newlines at its beginning."""
    content = message.get("content")
    if not isinstance(content, str):
        return message
    content = unicodedata.normalize("NFC", content)
    return {**message, "content": content.lstrip("\r\n") if message.get("role") == "assistant" else content}
