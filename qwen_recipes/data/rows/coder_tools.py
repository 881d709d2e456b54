"""Tool definitions and calls in the words of Qwen3-Coder's chat templates: XML tags, one for each parameter.

Two templates exist: of Coder-30B-A3B and Coder-480B-A35B, which writes what is no text as Python does (`False`,
`None`), and of Coder-Next, which writes JSON (`false`, `null`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .row import BadRowError

TOOLS_HEAD = "# Tools\n\nYou have access to the following functions:\n\n<tools>"
TOOLS_TAIL = (
    "\n</tools>\n\nIf you choose to call a function ONLY reply in the following format with NO suffix:\n\n"
    "<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>\nvalue_1\n</parameter>\n"
    "<parameter=example_parameter_2>\nThis is the value for the second parameter\nthat can span\nmultiple lines\n"
    "</parameter>\n</function>\n</tool_call>\n\n<IMPORTANT>\nReminder:\n"
    "- Function calls MUST follow the specified format: an inner <function=...></function> block must be nested within "
    "<tool_call></tool_call> XML tags\n"
    "- Required parameters MUST be specified\n"
    "- You may provide optional reasoning for your function call in natural language BEFORE the function call, but NOT "
    "after\n"
    "- If there is no function call available, answer the question like normal with your current knowledge and do not "
    "tell the user about function calls\n</IMPORTANT>"
)

WriteValue = Callable[[Any], str]


def format_coder_tools(tools: list[object]) -> str:
    """The block of tool definitions of Coder-30B-A3B and Coder-480B-A35B. Raises BadRowError."""
    return _format_tools(tools, _write_as_python)


def format_coder_next_tools(tools: list[object]) -> str:
    """The block of tool definitions of Coder-Next. Raises BadRowError."""
    return _format_tools(tools, _write_as_json)


def format_coder_call(name: str, arguments: dict[str, object]) -> str:
    """One call as Coder-30B-A3B and Coder-480B-A35B write it."""
    return _format_call(name, arguments, _write_as_python)


def format_coder_next_call(name: str, arguments: dict[str, object]) -> str:
    """One call as Coder-Next writes it."""
    return _format_call(name, arguments, _write_as_json)


def _write_as_python(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def _write_as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _format_call(name: str, arguments: dict[str, object], write: WriteValue) -> str:
    values = "".join(f"<parameter={key}>\n{write(value)}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function={name}>\n{values}</function>\n</tool_call>"


def _format_tools(tools: list[object], write: WriteValue) -> str:
    return TOOLS_HEAD + "".join(_format_tool(tool, write) for tool in tools) + TOOLS_TAIL


def _format_tool(tool: object, write: WriteValue) -> str:
    tool = tool.get("function", tool) if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
        raise BadRowError("a tool definition without a name")
    parameters = tool.get("parameters")
    listed = parameters.get("properties") if isinstance(parameters, dict) else None
    fields = listed.items() if isinstance(listed, dict) else ()
    return "".join(
        (
            f"\n<function>\n<name>{tool['name']}</name>",
            _format_description(tool),
            "\n<parameters>",
            *(_format_parameter(name, field, write) for name, field in fields),
            _format_rest(parameters, ("type", "properties"), write),
            "\n</parameters>",
            _format_rest(tool, ("type", "name", "description", "parameters"), write),
            "\n</function>",
        )
    )


def _format_parameter(name: str, field: object, write: WriteValue) -> str:
    known = field if isinstance(field, dict) else {}
    kind = f"\n<type>{known['type']}</type>" if "type" in known else ""
    rest = _format_rest(known, ("name", "type", "description"), write)
    return f"\n<parameter>\n<name>{name}</name>{kind}{_format_description(known)}{rest}\n</parameter>"


def _format_description(described: dict[str, object]) -> str:
    return f"\n<description>{str(described['description']).strip()}</description>" if "description" in described else ""


def _format_rest(value: object, handled: tuple[str, ...], write: WriteValue) -> str:
    """What a definition says beside the keys that have their own place, each in a tag of its name."""
    rest = value.items() if isinstance(value, dict) else ()
    return "".join(f"\n<{key}>{write(one)}</{key}>" for key, one in rest if key not in handled)
