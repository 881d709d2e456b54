"""Rows as people lay them out, read into one form for each kind of objective.

Conversations become {"messages"}, text {"text"}, pairs {"prompt", "chosen", "rejected"}, labelled answers
{"prompt", "completion", "label"} and prompts {"prompt", "columns"}, where prompts are lists of messages, answers are
text, and columns are what a row holds beside its prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .messages import BadRowError, Message, Row, normalize_messages, require_answer

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
    "function_call": "function_call",
}


def normalize_row(row: Any, row_format: str, columns: dict[str, str]) -> Row:
    """A row of this layout in our form. `columns` maps our names to the row's. Raises BadRowError."""
    if not isinstance(row, dict):
        raise BadRowError("not a map")
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}}
    missing = [theirs for theirs in columns.values() if theirs not in row]
    if missing:
        raise BadRowError(f"no column {', '.join(missing)}")
    return _READERS[row_format](named)


def _read_messages(row: Row) -> Row:
    return {"messages": require_answer(normalize_messages(row.get("messages"), row.get("tools")))}


def _read_sharegpt(row: Row) -> Row:
    turns = row.get("conversations")
    if not isinstance(turns, list) or not turns:
        raise BadRowError("no list `conversations`")
    messages: list[Message] = []
    if row.get("system"):
        messages.append({"role": "system", "content": row["system"]})
    for turn in turns:
        said = turn.get("from") if isinstance(turn, dict) else None
        role = SHAREGPT_ROLES.get(str(said))
        if role is None:
            raise BadRowError(f"unknown speaker {said!r}")
        messages.append(_sharegpt_message(role, turn.get("value")))
    return {"messages": require_answer(normalize_messages(messages, row.get("tools")))}


def _sharegpt_message(role: str, value: Any) -> Message:
    if role == "function_call":
        return {"role": "assistant", "content": f"<tool_call>\n{value}\n</tool_call>"}
    return {"role": role, "content": value}


def _read_alpaca(row: Row) -> Row:
    instruction, extra, output = row.get("instruction"), row.get("input"), row.get("output")
    if not isinstance(instruction, str) or not isinstance(output, str):
        raise BadRowError("`instruction` and `output` are text")
    messages: list[Message] = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    for asked, told in row.get("history") or []:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
    question = f"{instruction}\n{extra}" if extra else instruction
    messages += [{"role": "user", "content": question}, {"role": "assistant", "content": output}]
    return {"messages": normalize_messages(messages)}


def _read_prompt_completion(row: Row) -> Row:
    return {"messages": require_answer([*_prompt_messages(row), _answer_message(row.get("completion"), "completion")])}


def _read_text(row: Row) -> Row:
    if not isinstance(row.get("text"), str) or not row["text"]:
        raise BadRowError("no text in `text`")
    return {"text": row["text"]}


def _read_preference(row: Row) -> Row:
    chosen, rejected = row.get("chosen"), row.get("rejected")
    prompt = _prompt_messages(row) if row.get("prompt") is not None or row.get("messages") is not None else None
    if prompt is None:
        prompt = _shared_prompt(chosen, rejected)
    better, worse = _answer_message(chosen, "chosen")["content"], _answer_message(rejected, "rejected")["content"]
    if better == worse:
        raise BadRowError("chosen and rejected are the same")
    return {"prompt": prompt, "chosen": better, "rejected": worse}


def _read_kto(row: Row) -> Row:
    if not isinstance(row.get("label"), bool):
        raise BadRowError("`label` is true or false")
    if row.get("messages") is not None and row.get("completion") is None:
        messages = require_answer(normalize_messages(row["messages"], row.get("tools")))
        return {"prompt": messages[:-1], "completion": messages[-1]["content"], "label": row["label"]}
    completion = _answer_message(row.get("completion"), "completion")["content"]
    return {"prompt": _prompt_messages(row), "completion": completion, "label": row["label"]}


_PROMPT_COLUMNS = ("prompt", "messages", "system", "tools")


def _read_prompt_only(row: Row) -> Row:
    return {
        "prompt": _prompt_messages(row),
        "columns": {name: row[name] for name in row if name not in _PROMPT_COLUMNS},
    }


def _prompt_messages(row: Row) -> list[Message]:
    prompt = row.get("prompt", row.get("messages"))
    if isinstance(prompt, str) and prompt:
        prompt = [{"role": "user", "content": prompt}]
        if row.get("system"):
            prompt.insert(0, {"role": "system", "content": row["system"]})
    messages = normalize_messages(prompt, row.get("tools"))
    if messages[-1]["role"] != "user":
        raise BadRowError("the prompt does not end with the user")
    return messages


def _shared_prompt(chosen: Any, rejected: Any) -> list[Message]:
    if not isinstance(chosen, list) or not isinstance(rejected, list):
        raise BadRowError("no `prompt`")
    if chosen[:-1] != rejected[:-1]:
        raise BadRowError("chosen and rejected answer different prompts")
    return normalize_messages(chosen[:-1])


def _answer_message(value: Any, name: str) -> Message:
    """The assistant's answer, given as text, a message, or a list that ends with it."""
    last = value[-1] if isinstance(value, list) and value else value
    if isinstance(last, dict):
        message = normalize_messages([last])[0]
        if message["role"] != "assistant":
            raise BadRowError(f"`{name}` is not the assistant's")
        return message
    if not isinstance(last, str) or not last:
        raise BadRowError(f"no text in `{name}`")
    return {"role": "assistant", "content": last}


_READERS: dict[str, Callable[[Row], Row]] = {
    "messages": _read_messages,
    "sharegpt": _read_sharegpt,
    "alpaca": _read_alpaca,
    "prompt-completion": _read_prompt_completion,
    "text": _read_text,
    "preference": _read_preference,
    "kto": _read_kto,
    "prompt": _read_prompt_only,
}
