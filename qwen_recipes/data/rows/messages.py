"""Conversations with plain roles and text: tools and reasoning as Qwen3's templates write them."""

from __future__ import annotations

import json
from typing import Any

from .flags import read_train_flag
from .row import BadRowError, Message, Row

__all__ = [
    "BadRowError",
    "Message",
    "Row",
    "format_tool_call",
    "format_tools",
    "join_system",
    "normalize_messages",
    "require_answer",
]

PLAIN_ROLES = ("system", "user", "assistant")
"""Roles whose messages, where they are nothing but role and text, stay as they are."""
TEXT_PARTS = ("text", "input_text", "output_text", "refusal", "thinking", "reasoning")
"""Types of content parts that are text."""
TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


def normalize_messages(messages: Any, tools: Any = None) -> list[Message]:
    """Messages with roles system, user and assistant and with text for content. Raises BadRowError."""
    if not isinstance(messages, list) or not messages:
        raise BadRowError("no list `messages`")
    made: list[Message] = []
    for message in messages:
        _add_message(made, message)
    if tools:
        _add_tools(made, _read_tools(tools))
    return [_plain_message(message) for message in made]


def _plain_message(message: Message) -> Message:
    """Role and content, and `train` where a flag takes the message out of the loss."""
    if len(message) == 2:
        return message
    flag = {"train": False} if message.get("train") is False else {}
    return {"role": message["role"], "content": message["content"], **flag}


def join_system(messages: Any, system: Any) -> Any:
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


def format_tools(tools: list[Any]) -> str:
    """The block that Qwen3's templates write for tool definitions."""
    lines = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
    return TOOLS_HEAD + lines + TOOLS_TAIL


def format_tool_call(call: Any) -> str:
    """One tool call in the words of Qwen3's templates. Raises BadRowError."""
    call = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise BadRowError("a tool call without a name")
    arguments = {} if call.get("arguments") is None else call["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {text}}}\n</tool_call>'


def _add_message(messages: list[Message], message: Any) -> None:
    if not isinstance(message, dict):
        raise BadRowError("a message is not a map")
    role, content = message.get("role"), message.get("content")
    if len(message) == 2 and isinstance(content, str) and role in PLAIN_ROLES:
        messages.append({"role": role, "content": content})
        return
    content = "" if content is None else content
    if not isinstance(content, str):
        raise BadRowError(_explain_content(content))
    flag = read_train_flag(message)
    if role == "tool":
        _add_result(messages, f"<tool_response>\n{content}\n</tool_response>", flag)
    elif role == "assistant":
        messages.append({"role": role, "content": _format_assistant(message, content), "train": flag})
    elif role in ("system", "user"):
        messages.append({"role": role, "content": content, "train": flag})
    else:
        raise BadRowError(f"unknown role {role!r}; `roles` of the source says which of ours it is")


def _explain_content(content: Any) -> str:
    parts = content if isinstance(content, list) else []
    kinds = [part.get("type") for part in parts if isinstance(part, dict) and part.get("type") not in TEXT_PARTS]
    return f"`content` has a part of type {kinds[0]!r}: only text is read" if kinds else "`content` is not text"


def _add_result(messages: list[Message], result: str, flag: bool | None) -> None:
    if messages and messages[-1].get("tool"):
        messages[-1]["content"] += "\n" + result
        messages[-1]["train"] = False if flag is False else messages[-1]["train"]
    else:
        messages.append({"role": "user", "content": result, "tool": True, "train": flag})


def _format_assistant(message: Message, content: str) -> str:
    listed = message.get("tool_calls") or []
    calls = "\n".join(map(format_tool_call, listed if isinstance(listed, list) else [listed]))
    if calls:
        content = f"{content}\n{calls}" if content else calls
    reasoning = message.get("reasoning_content")
    if reasoning and not isinstance(reasoning, str):
        raise BadRowError("`reasoning_content` is not text")
    if reasoning and "</think>" not in content:
        content = "<think>\n" + reasoning.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
    return content


def _read_tools(tools: Any) -> list[Any]:
    try:
        tools = json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        raise BadRowError("`tools` is not JSON") from None
    if not isinstance(tools, list):
        raise BadRowError("`tools` is not a list")
    return tools


def _add_tools(messages: list[Message], tools: list[Any]) -> None:
    text = format_tools(tools)
    if messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + text
    else:
        messages.insert(0, {"role": "system", "content": text})
