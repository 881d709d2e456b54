"""From one row to the examples that are made of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qwen_recipes.data.rows.formats import SHAREGPT_ROLES, normalize_row
from qwen_recipes.data.rows.messages import BadRowError, Message, Row

CONVERSATION_FORMATS = ("messages", "sharegpt", "alpaca", "prompt-completion")
"""Layouts that become messages; rows of any other stay as they are."""
CONSUMED_KEYS = {
    "messages": ("messages",),
    "sharegpt": ("conversations", "system"),
    "alpaca": ("instruction", "input", "output", "history", "system"),
    "prompt-completion": ("prompt", "completion", "system"),
}
EMPTY_THINK_BLOCK = "<think>\n\n</think>\n\n"


@dataclass(frozen=True)
class ConversationOptions:
    """What is done to each conversation. `think` is keep, remove or add (an empty block)."""

    split_turns: bool = False
    strip: bool = False
    history_reasoning: str = "keep"
    think: str = "keep"


def convert_row(row: Any, row_format: str, columns: Mapping[str, str], options: ConversationOptions) -> Iterator[Row]:
    """The examples of a row, one or several. Raises BadRowError for a row that can't be trained on."""
    if row_format not in CONVERSATION_FORMATS:
        normalize_row(row, row_format, dict(columns))
        yield row
        return
    rest, messages = _convert_conversation(row, row_format, dict(columns))
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


def _convert_conversation(row: Any, row_format: str, columns: dict[str, str]) -> tuple[Row, list[Message]]:
    """What the row says beside its conversation, and the conversation as messages."""
    if not isinstance(row, dict):
        raise BadRowError("not a map")
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}}
    gone = {*CONSUMED_KEYS[row_format], *columns.values()}
    rest = {name: value for name, value in row.items() if name not in gone}
    if row_format == "messages":
        return rest, _require_dicts(named.get("messages"), "messages")
    if row_format == "sharegpt":
        return rest, list(_convert_sharegpt(named))
    return rest, list(normalize_row(row, row_format, columns)["messages"])


def _convert_sharegpt(row: Row) -> Iterator[Message]:
    if row.get("system"):
        yield {"role": "system", "content": row["system"]}
    for turn in _require_dicts(row.get("conversations"), "conversations"):
        role = SHAREGPT_ROLES.get(str(turn.get("from")))
        if role is None:
            raise BadRowError(f"unknown speaker {turn.get('from')!r}")
        yield (
            _convert_tool_call(turn.get("value"))
            if role == "function_call"
            else {"role": role, "content": turn.get("value")}
        )


def _convert_tool_call(value: Any) -> Message:
    """A tool call that is written as JSON."""
    try:
        call = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise BadRowError("a tool call is not JSON") from None
    if not isinstance(call, dict) or "name" not in call:
        raise BadRowError("a tool call without a name")
    function = {"name": call["name"], "arguments": call.get("arguments", {})}
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}


def _require_dicts(value: Any, name: str) -> list[Message]:
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


def _role_at(messages: list[Message], index: int) -> Any:
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
