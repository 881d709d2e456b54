"""Tool arguments are not a JSON object.

What:
`arguments` of a tool call is text that is not JSON, or JSON that is not an object, or the call has no name.

Why it matters:
Templates write arguments that are text unchanged, so the model learns to send the same broken arguments.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): the template writes `{city:
Oslo}` unchanged.

Instead:
Give `arguments` as an object, or as the text of a JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first call that a program could not read."""
    for turn in row.answers:
        for call in turn.get("tool_calls") or ():
            if wrong := _find_call_problem(call):
                yield RowViolation(wrong, str(call))
                return


def _find_call_problem(call: object) -> str:
    call = _parse_json(call)
    call = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return "a tool call without a name"
    return "" if isinstance(_parse_json(call.get("arguments", {})), dict) else "`arguments` is not a JSON object"


def _parse_json(value: object) -> object:
    """What the JSON says, where it is text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


GUARD = make_row_guard("QR510", "tool-arguments", "error", __doc__, check)
