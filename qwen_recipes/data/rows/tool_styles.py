"""How a chat template writes tool definitions, tool calls and tool results: as Qwen3's JSON or as Qwen3-Coder's XML."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .coder_tools import format_coder_call, format_coder_next_call, format_coder_next_tools, format_coder_tools
from .row import BadRowError

TOOLS_HEAD = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
)
TOOLS_TAIL = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)
CODER_SYSTEM = "You are Qwen, a helpful AI assistant that can interact with a computer to solve tasks.\n\n"
REASONING_REFUSED = (
    "an answer has reasoning, but Qwen3-Coder does not reason and its chat template has no place for it; "
    "`recipes data prepare --think remove` takes it out"
)
_JSON_CALL = re.compile(r"<tool_call>\s*\{")


class ToolStyle(NamedTuple):
    """The words of one kind of chat template. `system` stands before the definitions where a row has no system turn;
    `result_end` is what follows the last result of a turn.
    """

    format_tools: Callable[[list[Any]], str]
    join_calls: Callable[[str, list[Any]], str]
    system: str = ""
    result_end: str = ""
    reasons: bool = True
    """Whether it can be an answer's part to think; where not, reasoning is refused."""


def format_tools(tools: list[object]) -> str:
    """The block that Qwen3's templates write for tool definitions."""
    lines = "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in tools)
    return TOOLS_HEAD + lines + TOOLS_TAIL


def format_tool_call(call: object) -> str:
    """One tool call in the words of Qwen3's templates. Raises BadRowError."""
    name, arguments = read_call(call)
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'<tool_call>\n{{"name": "{name}", "arguments": {text}}}\n</tool_call>'


def read_call(call: object) -> tuple[str, object]:
    """A call's name and its arguments, an empty map where it has none. Raises BadRowError."""
    call = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise BadRowError("a tool call without a name")
    return call["name"], {} if call.get("arguments") is None else call["arguments"]


def _join_json_calls(content: str, calls: list[object]) -> str:
    text = "\n".join(map(format_tool_call, calls))
    return f"{content}\n{text}" if content and text else content or text


def _make_coder_joiner(format_call: Callable[[str, dict[str, Any]], str]) -> Callable[[str, list[Any]], str]:
    def join(content: str, calls: list[object]) -> str:
        if "</think>" in content:
            raise BadRowError(REASONING_REFUSED)
        if _JSON_CALL.search(content):
            raise BadRowError(
                "a tool call is written as JSON in the text, but Qwen3-Coder writes <function=name>; put it into "
                "`tool_calls`"
            )
        if not calls:
            return content
        said = content.strip()
        text = "\n".join(format_call(name, _require_map(arguments)) for name, arguments in map(read_call, calls))
        return f"{said}\n\n{text}" if said else text

    return join


def _require_map(arguments: object) -> dict[str, object]:
    try:
        found = json.loads(arguments) if isinstance(arguments, str) and arguments.strip() else arguments or {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadRowError("the arguments of a tool call are not a JSON object, of which Qwen3-Coder writes each key")
    return found


def _refuse_tools(tools: list[object]) -> str:
    raise BadRowError(
        "the chat template writes tools as XML in a form that is not supported; use an official template "
        "(`chat.template`), or leave out rows with tools"
    )


def _refuse_calls(content: str, calls: list[object]) -> str:
    return _refuse_tools(calls) if calls else content


JSON, CODER, CODER_NEXT, UNSUPPORTED = "json", "coder", "coder-next", "unsupported"
TOOL_STYLES = {
    JSON: ToolStyle(format_tools, _join_json_calls),
    CODER: ToolStyle(format_coder_tools, _make_coder_joiner(format_coder_call), CODER_SYSTEM, "\n", False),
    CODER_NEXT: ToolStyle(
        format_coder_next_tools, _make_coder_joiner(format_coder_next_call), CODER_SYSTEM, reasons=False
    ),
    UNSUPPORTED: ToolStyle(_refuse_tools, _refuse_calls),
}
"""By the name that rows.json has for them."""
QWEN3 = TOOL_STYLES[JSON]
