"""Soft switch that contradicts the answer.

What:
`/no_think` is used before an answer with reasoning, `/think` before one without, or a switch is misspelt (`/nothink`,
`/No_Think`, `/thnk`, `\\nothink`, `[no_think]`). For the 2507 models, which have no soft switches, any of them.

Why it matters:
Hybrid models were trained to follow the last switch of a conversation. Examples that contradict their switch teach the
model to ignore it. A misspelt switch is ordinary text, which the model learns to expect before its answers.

Evidence:
The two switches are documented on Qwen3's model card. Cases: `tests/guards/rows/QR529.yaml`.

Instead:
Correct the switch, or remove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.data.misspelt_switches import find_misspelt_switch, may_hold_switch
from qwen_recipes.data.parsed_row import has_reasoning
from qwen_recipes.guards.rows.base import RowViolation, make_row_guard

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow

SWITCH = re.compile(r"(?<![\w/.\\<])/(no_think|think)(?![\w/>-]|\.\w)")


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first switch that is misspelt or not followed."""
    if not may_hold_switch(row.all_text):
        return
    switch, asked = "", ""
    for turn in row.turns:
        text = turn.get("content")
        if turn.get("role") in ("user", "system") and isinstance(text, str):
            if wrong := find_misspelt_switch(text):
                yield RowViolation(f"{wrong.text} is not a soft switch; use {wrong.suggestion}", text)
                return
            if found := SWITCH.findall(text):
                switch, asked = found[-1], text
        elif turn.get("role") == "assistant" and switch:
            why = _explain_difference(switch, has_reasoning(turn), bool(turn.get("tool_calls")), row.variant)
            if why:
                yield RowViolation(why, asked)
                return


def _explain_difference(switch: str, reasons: bool, calls: bool, variant: str) -> str:
    if variant.endswith("2507"):
        return f"/{switch}, which {variant} models do not support"
    if switch == "no_think" and reasons:
        return "/no_think before an answer with reasoning"
    if switch == "think" and not reasons and not calls:
        return "/think before an answer without reasoning"
    return ""


GUARD = make_row_guard("QR529", "soft-switch", "warning", __doc__, check)
