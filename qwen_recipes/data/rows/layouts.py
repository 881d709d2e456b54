"""Rows as people lay them out, read into one form for each kind of objective.

Conversations become {"messages"}, text {"text"}, pairs {"prompt", "chosen", "rejected"}, labelled answers
{"prompt", "completion", "label"} and prompts {"prompt", "columns"}, where prompts are lists of messages, answers are
text, and columns are what a row holds beside its prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .messages import BadRow, Message, Row, answered, plain_messages

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


def read_row(row: Any, layout: str, columns: dict[str, str]) -> Row:
    """A row of this layout in our form. `columns` maps our names to the row's. Raises BadRow."""
    if not isinstance(row, dict):
        raise BadRow("not a map")
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}}
    missing = [theirs for theirs in columns.values() if theirs not in row]
    if missing:
        raise BadRow(f"no column {', '.join(missing)}")
    return _LAYOUTS[layout](named)


def _messages(row: Row) -> Row:
    return {"messages": answered(plain_messages(row.get("messages"), row.get("tools")))}


def _sharegpt(row: Row) -> Row:
    turns = row.get("conversations")
    if not isinstance(turns, list) or not turns:
        raise BadRow("no list `conversations`")
    messages: list[Message] = []
    if row.get("system"):
        messages.append({"role": "system", "content": row["system"]})
    for turn in turns:
        said = turn.get("from") if isinstance(turn, dict) else None
        role = SHAREGPT_ROLES.get(str(said))
        if role is None:
            raise BadRow(f"unknown speaker {said!r}")
        messages.append(_spoken(role, turn.get("value")))
    return {"messages": answered(plain_messages(messages, row.get("tools")))}


def _spoken(role: str, value: Any) -> Message:
    if role == "function_call":
        return {"role": "assistant", "content": f"<tool_call>\n{value}\n</tool_call>"}
    return {"role": role, "content": value}


def _alpaca(row: Row) -> Row:
    instruction, extra, output = row.get("instruction"), row.get("input"), row.get("output")
    if not isinstance(instruction, str) or not isinstance(output, str):
        raise BadRow("`instruction` and `output` are text")
    messages: list[Message] = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    for asked, told in row.get("history") or []:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]
    question = f"{instruction}\n{extra}" if extra else instruction
    messages += [{"role": "user", "content": question}, {"role": "assistant", "content": output}]
    return {"messages": plain_messages(messages)}


def _prompt_completion(row: Row) -> Row:
    return {"messages": answered([*_prompt(row), _answer(row.get("completion"), "completion")])}


def _text(row: Row) -> Row:
    if not isinstance(row.get("text"), str) or not row["text"]:
        raise BadRow("no text in `text`")
    return {"text": row["text"]}


def _preference(row: Row) -> Row:
    chosen, rejected = row.get("chosen"), row.get("rejected")
    prompt = _prompt(row) if row.get("prompt") is not None or row.get("messages") is not None else None
    if prompt is None:
        prompt = _shared_prompt(chosen, rejected)
    better, worse = _answer(chosen, "chosen")["content"], _answer(rejected, "rejected")["content"]
    if better == worse:
        raise BadRow("chosen and rejected are the same")
    return {"prompt": prompt, "chosen": better, "rejected": worse}


def _kto(row: Row) -> Row:
    if not isinstance(row.get("label"), bool):
        raise BadRow("`label` is true or false")
    if row.get("messages") is not None and row.get("completion") is None:
        messages = answered(plain_messages(row["messages"], row.get("tools")))
        return {"prompt": messages[:-1], "completion": messages[-1]["content"], "label": row["label"]}
    completion = _answer(row.get("completion"), "completion")["content"]
    return {"prompt": _prompt(row), "completion": completion, "label": row["label"]}


_OF_PROMPT = ("prompt", "messages", "system", "tools")


def _prompt_alone(row: Row) -> Row:
    return {"prompt": _prompt(row), "columns": {name: row[name] for name in row if name not in _OF_PROMPT}}


def _prompt(row: Row) -> list[Message]:
    prompt = row.get("prompt", row.get("messages"))
    if isinstance(prompt, str) and prompt:
        prompt = [{"role": "user", "content": prompt}]
        if row.get("system"):
            prompt.insert(0, {"role": "system", "content": row["system"]})
    messages = plain_messages(prompt, row.get("tools"))
    if messages[-1]["role"] != "user":
        raise BadRow("the prompt does not end with the user")
    return messages


def _shared_prompt(chosen: Any, rejected: Any) -> list[Message]:
    if not isinstance(chosen, list) or not isinstance(rejected, list):
        raise BadRow("no `prompt`")
    if chosen[:-1] != rejected[:-1]:
        raise BadRow("chosen and rejected answer different prompts")
    return plain_messages(chosen[:-1])


def _answer(value: Any, name: str) -> Message:
    """The assistant's answer, given as text, a message, or a list that ends with it."""
    last = value[-1] if isinstance(value, list) and value else value
    if isinstance(last, dict):
        message = plain_messages([last])[0]
        if message["role"] != "assistant":
            raise BadRow(f"`{name}` is not the assistant's")
        return message
    if not isinstance(last, str) or not last:
        raise BadRow(f"no text in `{name}`")
    return {"role": "assistant", "content": last}


_LAYOUTS: dict[str, Callable[[Row], Row]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "prompt-completion": _prompt_completion,
    "text": _text,
    "preference": _preference,
    "kto": _kto,
    "prompt": _prompt_alone,
}
