"""Rows in a layout that belongs to another objective: what to write instead."""

from __future__ import annotations

from .column_hints import suggest_columns
from .layout_readers import LABEL_KEYS, find_first
from .layouts import CONVERSATION_FORMATS, detect_format, is_single_message

OBJECTIVES = {
    **dict.fromkeys(CONVERSATION_FORMATS, "sft"),
    "text": "pretrain",
    "preference": "dpo",
    "kto": "kto",
    "prompt": "grpo",
}
"""The objective that trains on each format; `dpo` also stands for orpo, simpo and reward."""
REQUIRED_COLUMNS = {
    "text": "text",
    "preference": "chosen and rejected",
    "kto": "completion and label",
    "prompt": "prompt",
}


def explain_other_layout(row: object, row_format: str) -> str:
    """What to write where a row has the layout of another objective than its format's; empty where it has none."""
    if row_format == "kto" and isinstance(row, dict) and find_first(row, LABEL_KEYS) is not None:
        return ""
    if not isinstance(row, dict) or is_single_message(row):
        return ""
    found = detect_format(row)
    if found is None or OBJECTIVES[found] == OBJECTIVES.get(row_format, "sft"):
        return ""
    what = "plain text" if found == "text" else f"laid out as `{found}`"
    needed = REQUIRED_COLUMNS.get(row_format, "prompt and completion")
    columns = suggest_columns(row, row_format)
    written = f": `columns: {columns}`" if "…" not in columns else " with `columns`"
    return f" (the row is {what}: set `objective: {OBJECTIVES[found]}`, or name its {needed}{written})"
