"""Conversations with plain roles and text: tools and reasoning as the chat templates write them."""

from __future__ import annotations

import json
from typing import Any

from .flags import read_train_flag
from .row import BadRowError, Message, Row, describe_type
from .tool_styles import QWEN3, REASONING_REFUSED, ToolStyle

__all__ = [
    "BadRowError",
    "Message",
    "Row",
    "join_system",
    "normalize_messages",
    "require_answer",
]

PLAIN_ROLES = ("system", "user", "assistant")
"""Roles whose messages, where they are nothing but role and text, stay as they are."""
TEXT_PARTS = ("text", "input_text", "output_text", "refusal", "thinking", "reasoning")
"""Types of content parts that are text."""


def normalize_messages(messages: object, tools: object = None, style: ToolStyle = QWEN3) -> list[Message]:
    """Messages with roles system, user and assistant and with text for content. Raises BadRowError."""
    if not isinstance(messages, list) or not messages:
        raise BadRowError("no list `messages`")
    made: list[Message] = []
    for message in messages:
        _add_message(made, message, style)
    if tools:
        _add_tools(made, _read_tools(tools), style)
    return [_plain_message(message) for message in made]


def _plain_message(message: Message) -> Message:
    """Role and content, and `train` where a flag takes the message out of the loss."""
    if len(message) == 2:
        return message
    flag = {"train": False} if message.get("train") is False else {}
    return {"role": message["role"], "content": message["content"], **flag}


def join_system(messages: object, system: object) -> Any:
    """A list of messages that begins with the system message that stands beside it in the row. Raises BadRowError."""
    if not isinstance(messages, list) or not messages or not isinstance(system, str) or not system:
        return messages
    first = messages[0] if isinstance(messages[0], dict) else {}
    if first.get("role") != "system":
        return [{"role": "system", "content": system}, *messages]
    if first.get("content") != system:
        raise BadRowError("`system` and the list's own system message differ")
    return messages


def require_answer(messages: list[Message]) -> list[Message]:
    """The messages, if they end with an answer to learn from. Raises BadRowError."""
    if not any(message["role"] == "assistant" for message in messages):
        raise BadRowError("no assistant turn: nothing to learn from")
    if messages[-1]["role"] != "assistant":
        raise BadRowError("the last message is not the assistant's")
    return messages


def _add_message(messages: list[Message], message: object, style: ToolStyle) -> None:
    if not isinstance(message, dict):
        raise BadRowError(f"a message is {describe_type(message)}, not a map with `role` and `content`")
    role, content = message.get("role"), message.get("content")
    if len(message) == 2 and isinstance(content, str) and role in PLAIN_ROLES:
        content = content if style is QWEN3 or role != "assistant" else style.join_calls(content, [])
        messages.append({"role": role, "content": content})
        return
    if content is None:
        _require_no_text(message, role)
        content = ""
    if not isinstance(content, str):
        raise BadRowError(_explain_content(content))
    flag = read_train_flag(message)
    if role == "tool":
        _add_result(messages, f"<tool_response>\n{content}\n</tool_response>", flag, style.result_end)
    elif role == "assistant":
        messages.append({"role": role, "content": _format_assistant(message, content, style), "train": flag})
    elif role in ("system", "user"):
        messages.append({"role": role, "content": content, "train": flag})
    else:
        raise BadRowError(f"unknown role {role!r}; `roles` of the source says which of ours it is")


def _require_no_text(message: Message, role: object) -> None:
    """Raises BadRowError for a message without text that has nothing in its place."""
    called = message.get("tool_calls") or message.get("reasoning_content")
    if role in ("system", "user") or (role == "assistant" and not called):
        raise BadRowError(f"a message of the {role} has no `content`")


def _explain_content(content: object) -> str:
    parts = content if isinstance(content, list) else []
    kinds = [part.get("type") for part in parts if isinstance(part, dict) and part.get("type") not in TEXT_PARTS]
    return f"`content` has a part of type {kinds[0]!r}: only text is read" if kinds else "`content` is not text"


def _add_result(messages: list[Message], result: str, flag: bool | None, end: str) -> None:
    if messages and messages[-1].get("tool"):
        messages[-1]["content"] = messages[-1]["content"].removesuffix(end) + "\n" + result + end
        messages[-1]["train"] = False if flag is False else messages[-1]["train"]
    else:
        messages.append({"role": "user", "content": result + end, "tool": True, "train": flag})


def _format_assistant(message: Message, content: str, style: ToolStyle) -> str:
    listed = message.get("tool_calls") or []
    content = style.join_calls(content, listed if isinstance(listed, list) else [listed])
    reasoning = message.get("reasoning_content")
    if reasoning and not isinstance(reasoning, str):
        raise BadRowError("`reasoning_content` is not text")
    if reasoning and not style.reasons:
        raise BadRowError(REASONING_REFUSED)
    if reasoning and "</think>" not in content:
        content = "<think>\n" + reasoning.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
    return content


def _read_tools(tools: object) -> list[object]:
    try:
        tools = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        raise BadRowError("`tools` is not JSON") from None
    if not isinstance(tools, list):
        raise BadRowError("`tools` is not a list")
    return tools


def _add_tools(messages: list[Message], tools: list[object], style: ToolStyle) -> None:
    text = style.format_tools(tools)
    if messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + text
    else:
        messages.insert(0, {"role": "system", "content": style.system + text})
