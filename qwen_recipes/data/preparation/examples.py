"""From one row to the examples that are made of it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from qwen_recipes.data.rows.layouts import SHAREGPT_ROLES, read_row
from qwen_recipes.data.rows.messages import BadRow, Message, Row

CONVERSATIONS = ("messages", "sharegpt", "alpaca", "prompt-completion")
"""Layouts that become messages; rows of any other stay as they are."""
CONSUMED = {
    "messages": ("messages",),
    "sharegpt": ("conversations", "system"),
    "alpaca": ("instruction", "input", "output", "history", "system"),
    "prompt-completion": ("prompt", "completion", "system"),
}
EMPTY_BLOCK = "<think>\n\n</think>\n\n"


@dataclass(frozen=True)
class Wishes:
    """What is done to each conversation. `think` is keep, remove or add (an empty block)."""

    split_turns: bool = False
    strip: bool = False
    history_reasoning: str = "keep"
    think: str = "keep"


def examples(row: Any, layout: str, columns: Mapping[str, str], wishes: Wishes) -> Iterator[Row]:
    """The examples of a row, one or several. Raises BadRow for a row that can't be trained on."""
    if layout not in CONVERSATIONS:
        read_row(row, layout, dict(columns))
        yield row
        return
    rest, messages = _converted(row, layout, dict(columns))
    if wishes.strip:
        messages = [_stripped(message) for message in messages]
    for part in _split(messages) if wishes.split_turns else [messages]:
        made = {**rest, "messages": _reasoned(part, wishes)}
        read_row(made, "messages", {})
        yield made


def reasoning_of(row: Row) -> str:
    """The reasoning of a conversation's last answer."""
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else {}
    content, own = last.get("content"), last.get("reasoning_content")
    inside = content.partition("</think>") if isinstance(content, str) else ("", "", "")
    return str(own or "").strip() or (inside[0].replace("<think>", "").strip() if inside[1] else "")


def _converted(row: Any, layout: str, columns: dict[str, str]) -> tuple[Row, list[Message]]:
    """What the row says beside its conversation, and the conversation as messages."""
    if not isinstance(row, dict):
        raise BadRow("not a map")
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}}
    gone = {*CONSUMED[layout], *columns.values()}
    rest = {name: value for name, value in row.items() if name not in gone}
    if layout == "messages":
        return rest, _maps(named.get("messages"), "messages")
    if layout == "sharegpt":
        return rest, list(_spoken(named))
    return rest, list(read_row(row, layout, columns)["messages"])


def _spoken(row: Row) -> Iterator[Message]:
    if row.get("system"):
        yield {"role": "system", "content": row["system"]}
    for turn in _maps(row.get("conversations"), "conversations"):
        role = SHAREGPT_ROLES.get(str(turn.get("from")))
        if role is None:
            raise BadRow(f"unknown speaker {turn.get('from')!r}")
        yield _called(turn.get("value")) if role == "function_call" else {"role": role, "content": turn.get("value")}


def _called(value: Any) -> Message:
    """A tool call that is written as JSON."""
    try:
        call = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise BadRow("a tool call is not JSON") from None
    if not isinstance(call, dict) or "name" not in call:
        raise BadRow("a tool call without a name")
    function = {"name": call["name"], "arguments": call.get("arguments", {})}
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}


def _maps(value: Any, name: str) -> list[Message]:
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
        raise BadRow(f"no list `{name}` of maps")
    return value


def _split(messages: list[Message]) -> Iterator[list[Message]]:
    """The conversation up to each answer that ends a turn; what comes after the last answer is left out."""
    ends = [
        at
        for at, message in enumerate(messages)
        if message.get("role") == "assistant" and _role(messages, at + 1) not in ("tool", "assistant")
    ]
    if not ends:
        raise BadRow("no assistant turn: nothing to learn from")
    yield from (messages[: end + 1] for end in ends)


def _role(messages: list[Message], at: int) -> Any:
    return messages[at].get("role") if at < len(messages) else None


def _reasoned(messages: list[Message], wishes: Wishes) -> list[Message]:
    """The messages with reasoning taken out or an empty block put in, as wished."""
    asked = max((at for at, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    made = []
    for at, message in enumerate(messages):
        history = at < asked and wishes.history_reasoning == "strip"
        if message.get("role") == "assistant" and (wishes.think == "remove" or history):
            message = _without_reasoning(message)
        made.append(message)
    if wishes.think == "add" and made[-1].get("role") == "assistant" and not _has_block(made[-1]):
        made[-1] = {**made[-1], "content": EMPTY_BLOCK + (made[-1].get("content") or "").lstrip("\n")}
    return made


def _has_block(message: Message) -> bool:
    return bool(message.get("reasoning_content")) or "</think>" in (message.get("content") or "")


def _without_reasoning(message: Message) -> Message:
    made = {name: value for name, value in message.items() if name != "reasoning_content"}
    content = made.get("content")
    if isinstance(content, str) and "</think>" in content:
        made["content"] = content.rpartition("</think>")[2].lstrip("\n")
    return made


def _stripped(message: Message) -> Message:
    """Text in Unicode's form C, an answer without newlines at its beginning."""
    content = message.get("content")
    if not isinstance(content, str):
        return message
    content = unicodedata.normalize("NFC", content)
    return {**message, "content": content.lstrip("\r\n") if message.get("role") == "assistant" else content}
