"""Messages as people and frameworks write them, brought to one form: OpenAI's keys and the roles of Qwen3's templates.

Nothing is refused here: what can't be understood is left as it is, and whoever reads the row says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from .flags import FLAGS
from .messages import PLAIN_ROLES, TEXT_PARTS
from .row import Message, SourceSpec

CALL = "function_call"
"""The role of a message that is nothing but tool calls."""
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bing", "bard", "model", "ai", "bot", "chatbot"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "tool_response"), "tool"),
    **dict.fromkeys((CALL, "tool_call"), CALL),
}
"""Roles by the names that frameworks and APIs have for them; `find_role` also finds them in capitals."""
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
TEXT_KEYS = ("text", "value", "refusal")
"""Where a content part keeps its text."""
THOUGHT_PARTS = ("thinking", "reasoning")
CONTENT_KEYS = ("content", "value", "text", "parts")
"""Where a message keeps what is said; `text` as in OpenAssistant's trees, `parts` as in Gemini's API."""
PLAIN_KEYS = frozenset(("role", "content"))


class RowOptions(NamedTuple):
    """How a source's rows are read beside their layout. `roles` gives our role for each of the row's own;
    `tool_style` is how the chat template writes tools (`rows.tool_styles`).
    """

    roles: Mapping[str, str] = {}
    prompt_style: str = "plain"
    tool_style: str = "json"


PLAIN = RowOptions()
"""Nothing is said beside the layout."""


def read_options(source: SourceSpec) -> RowOptions:
    """The options of a source of rows.json."""
    return RowOptions(
        source.get("roles") or {}, source.get("prompt_style") or "plain", source.get("tool_style") or "json"
    )


def arrange_messages(value: object, roles: Mapping[str, str] = PLAIN.roles) -> Any:
    """A list of messages in one form; a tool call that stands alone joins the assistant's message before it."""
    value = parse_json_text(value, "[{")
    if isinstance(value, dict):
        value = _list_messages(value)
    if not isinstance(value, list):
        return value
    made: list[Any] = []
    for message in value:
        arranged = arrange_message(message, roles)
        if arranged is not message and made and _is_call(message, roles) and _can_join(made[-1]):
            made[-1] = {**made[-1], "tool_calls": [*(made[-1].get("tool_calls") or ()), *arranged["tool_calls"]]}
        else:
            made.append(arranged)
    return made


def _list_messages(value: Message) -> Any:
    """The messages of a map that has a list of all roles and a list of all texts, as `datasets` saves a `Sequence`."""
    lists = list(value.values())
    if not {"role", "from"} & value.keys() or not all(isinstance(one, list) for one in lists):
        return value
    if len({len(one) for one in lists}) != 1:
        return value
    return [dict(zip(value, turn, strict=True)) for turn in zip(*lists, strict=True)]


def arrange_message(message: object, roles: Mapping[str, str] = PLAIN.roles) -> Any:
    """One message in one form; itself where it is in it already."""
    if not isinstance(message, dict):
        return message
    if not roles and len(message) == 2 and isinstance(message.get("content"), str):
        plain = message.get("role")
        if isinstance(plain, str) and plain in PLAIN_ROLES:
            return message
    role = _read_role(message, roles)
    content = next((message[key] for key in CONTENT_KEYS if message.get(key) is not None), None)
    flags = {name: message[name] for name in FLAGS if name in message}
    if role == CALL:
        return {"role": "assistant", "content": "", "tool_calls": parse_calls(content), **flags}
    text, thought = _join_parts(content)
    made = {"role": role, "content": _write_result(text) if role == "tool" else text, **flags}
    if role == "assistant":
        made.update(_find_assistant_parts(message, thought))
    return made


def _read_role(message: Message, roles: Mapping[str, str]) -> object:
    said = message["role"] if "role" in message else message.get("from")
    return roles.get(said) or find_role(said) if isinstance(said, str) else said


def find_role(name: str) -> str:
    """Our role for one that a message names, in capitals or with blanks around it too; itself where it is unknown."""
    return ROLES.get(name) or ROLES.get(name.strip().lower(), name)


def _is_call(message: object, roles: Mapping[str, str]) -> bool:
    return isinstance(message, dict) and _read_role(message, roles) == CALL


def _can_join(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "assistant" and not any(n in message for n in FLAGS)


def _find_assistant_parts(message: Message, thought: str) -> Message:
    made: Message = {}
    calls = message.get("tool_calls") or message.get("function_call")
    if calls:
        made["tool_calls"] = parse_calls(calls)
    reasoning = next((message[key] for key in REASONING_KEYS if message.get(key)), None) or thought
    if reasoning:
        made["reasoning_content"] = reasoning
    return made


def parse_calls(value: object) -> list[object]:
    """Tool calls, given as a map, a list, or the JSON of either."""
    value = parse_json_text(value, "[{")
    return [_wrap_call(call) for call in (value if isinstance(value, list) else [value])]


def _wrap_call(call: object) -> object:
    if not isinstance(call, dict) or "function" in call or "name" not in call:
        return call
    return {"type": "function", "function": {"name": call["name"], "arguments": call.get("arguments", {})}}


def parse_json_text(value: object, begins: str) -> Any:
    """What a text is the JSON of, where it begins like it; else the value itself."""
    if not isinstance(value, str) or value.lstrip()[:1] not in tuple(begins):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _join_parts(content: object) -> tuple[object, str]:
    """The text of a list of content parts and the reasoning in it; the content itself where a part is no text."""
    if not isinstance(content, list) or not content:
        return content, ""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        kind = _find_part_type(part)
        names = (*TEXT_KEYS, kind) if kind in THOUGHT_PARTS else TEXT_KEYS
        text = next((part[name] for name in names if isinstance(part.get(name), str)), None) if kind else None
        if text is None or kind not in TEXT_PARTS:
            return content, ""
        (thoughts if kind in THOUGHT_PARTS else texts).append(text)
    return "\n".join(texts), "\n".join(thoughts)


def _find_part_type(part: Any) -> Any:
    """The type of a content part; of one that holds a text alone, as Bedrock's and Gemini's APIs have it, `text`."""
    if not isinstance(part, dict):
        return None
    return "text" if part.keys() == {"text"} else part.get("type")


def _write_result(content: object) -> object:
    """A tool's result as text: what is an object was JSON."""
    return json.dumps(content, ensure_ascii=False) if isinstance(content, dict) else content


def arrange_tools(value: object) -> object:
    """Tool definitions as OpenAI's API has them: a list of maps with `type` and `function`."""
    value = parse_json_text(value, "[{")
    listed = [value] if isinstance(value, dict) else value
    return [_wrap_tool(parse_json_text(tool, "{")) for tool in listed] if isinstance(listed, list) else value


def _wrap_tool(tool: object) -> object:
    if not isinstance(tool, dict) or "function" in tool or "name" not in tool:
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}
