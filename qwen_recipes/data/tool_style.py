"""How a chat template writes tools, found by rendering a conversation that has them."""

from __future__ import annotations

from functools import lru_cache

from qwen_recipes.data.rows.messages import Message, Row, normalize_messages
from qwen_recipes.data.rows.tool_styles import CODER, CODER_NEXT, JSON, TOOL_STYLES, UNSUPPORTED
from qwen_recipes.qwen.chat_templates import RenderError, detect_template_variant, render_conversation

XML_MARK = "<function="
_FIELDS = {"path": {"type": "string", "description": "Where"}, "deep": {"type": "object", "properties": {"a": {}}}}
_TOOL: Row = {
    "type": "function",
    "function": {
        "name": "read",
        "description": "Reads",
        "parameters": {"type": "object", "properties": _FIELDS, "required": ["path"], "additionalProperties": False},
    },
}
_CALLS = [
    {"type": "function", "function": {"name": "read", "arguments": {"path": "a", "deep": {"a": [1]}, "all": False}}},
    {"type": "function", "function": {"name": "read", "arguments": {}}},
]
_TALK: list[Message] = [
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": "I look.", "tool_calls": _CALLS},
    {"role": "tool", "content": "r"},
    {"role": "tool", "content": "s"},
    {"role": "assistant", "content": "a"},
]


@lru_cache(maxsize=16)
def find_tool_style(template: str) -> str:
    """The name in `TOOL_STYLES` of what a chat template, given as text, writes; `json` for one that writes no XML."""
    if XML_MARK not in template or detect_template_variant(template) is not None:
        return JSON
    try:
        found = render_conversation(template, _TALK, [_TOOL])
        return next((name for name in (CODER, CODER_NEXT) if _render_in_style(template, name) == found), UNSUPPORTED)
    except RenderError:
        return UNSUPPORTED


def _render_in_style(template: str, name: str) -> str:
    return render_conversation(template, normalize_messages(_TALK, [_TOOL], TOOL_STYLES[name]))
