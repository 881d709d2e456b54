"""Conversations with plain roles and text: tools and reasoning as Qwen3's templates write them."""

from __future__ import annotations

import json
from typing import Any

Message = dict[str, Any]
Row = dict[str, Any]

TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


class BadRow(ValueError):
    """A row that can't be trained on, and why."""


def plain_messages(messages: Any, tools: Any = None) -> list[Message]:
    """Messages with roles system, user and assistant and with text for content. Raises BadRow."""
    if not isinstance(messages, list) or not messages:
        raise BadRow("no list `messages`")
    made: list[Message] = []
    for message in messages:
        _add(made, message)
    tools = json.loads(tools) if isinstance(tools, str) and tools else tools
    if tools:
        _add_tools(made, tools)
    return [{"role": message["role"], "content": message["content"]} for message in made]


def answered(messages: list[Message]) -> list[Message]:
    """The messages, if they end with an answer to learn from. Raises BadRow."""
    if not any(message["role"] == "assistant" for message in messages):
        raise BadRow("no assistant turn: nothing to learn from")
    if messages[-1]["role"] != "assistant":
        raise BadRow("the last message is not the assistant's")
    return messages


def tools_text(tools: list[Any]) -> str:
    """The block that Qwen3's templates write for tool definitions."""
    lines = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
    return TOOLS_HEAD + lines + TOOLS_TAIL


def call_text(call: dict[str, Any]) -> str:
    """One tool call in the words of Qwen3's templates."""
    call = call.get("function", call)
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {text}}}\n</tool_call>'


def _add(made: list[Message], message: Any) -> None:
    if not isinstance(message, dict):
        raise BadRow("a message is not a map")
    role, content = message.get("role"), message.get("content")
    content = "" if content is None else content
    if not isinstance(content, str):
        raise BadRow("`content` is not text")
    if role == "tool":
        _add_result(made, f"<tool_response>\n{content}\n</tool_response>")
    elif role == "assistant":
        made.append({"role": role, "content": _assistant(message, content)})
    elif role in ("system", "user"):
        made.append({"role": role, "content": content})
    else:
        raise BadRow(f"unknown role {role!r}")


def _add_result(made: list[Message], result: str) -> None:
    if made and made[-1].get("tool"):
        made[-1]["content"] += "\n" + result
    else:
        made.append({"role": "user", "content": result, "tool": True})


def _assistant(message: Message, content: str) -> str:
    calls = "\n".join(call_text(call) for call in message.get("tool_calls") or [])
    if calls:
        content = f"{content}\n{calls}" if content else calls
    reasoning = message.get("reasoning_content")
    if reasoning and "</think>" not in content:
        content = "<think>\n" + reasoning.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
    return content


def _add_tools(made: list[Message], tools: list[Any]) -> None:
    text = tools_text(tools)
    if made[0]["role"] == "system":
        made[0]["content"] += "\n\n" + text
    else:
        made.insert(0, {"role": "system", "content": text})
