"""Keys of a row that nothing reads: what stands there does not reach the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .flags import FLAGS
from .row import Message

READ_KEYS = {
    "messages": ("messages", "tools", "system"),
    "sharegpt": ("conversations", "system", "tools"),
    "alpaca": ("instruction", "input", "output", "history", "system"),
    "prompt-completion": ("prompt", "messages", "completion", "system", "tools"),
    "text": ("text",),
    "preference": ("prompt", "messages", "chosen", "rejected", "system", "tools"),
    "kto": ("prompt", "messages", "completion", "label", "system", "tools"),
}
"""By layout; of `prompt`, every column is read: rewards may ask for it."""
LIST_KEYS = ("messages", "conversations", "prompt", "chosen", "rejected", "completion")
"""Keys that may hold a list of messages."""
MESSAGE_KEYS = ("role", "content", "tool_calls", "reasoning_content", *FLAGS)
SHAREGPT_KEYS = ("from", "value", *FLAGS)
MARGINAL_KEYS = ("name", "id", "type", "tool_call_id", "refusal", "annotations", "audio")
"""Keys of messages that no template of Qwen3 writes."""
TRAINING_KEYS = frozenset(
    (
        *("system", "system_prompt", "tools", "functions", "function_call", "tool_calls", "history", "messages"),
        *("conversations", "instruction", "input", "output", "prompt", "completion", "response", "chosen", "rejected"),
        *("rejected_response", "rejected_messages", "label", "images", "image", "videos", "video", "audios", "audio"),
        *("documents", "reasoning_content", "reasoning", "thinking", "loss_scale", "enable_thinking"),
        *("chat_template_kwargs", "channel", "training", "train_detail", *FLAGS),
    )
)
"""Keys that mean something for training to the frameworks or to OpenAI's API: to lose one is a finding (QR528)."""


def find_unread_keys(row: Any, row_format: str, columns: Mapping[str, str]) -> list[str]:
    """The row's keys that hold something and that nothing reads; of messages as `messages[].function_call`."""
    if not isinstance(row, dict):
        return []
    known = {*READ_KEYS.get(row_format, row), *columns.values()}
    found = [str(key) for key, value in row.items() if key not in known and _holds_something(value)]
    named = {**row, **{ours: row[theirs] for ours, theirs in columns.items() if theirs in row}}
    lists = [name for name in LIST_KEYS if name in READ_KEYS.get(row_format, ("prompt", "messages"))]
    return list(dict.fromkeys([*found, *(key for name in lists for key in _find_in_messages(name, named.get(name)))]))


def is_training_key(key: str) -> bool:
    """Whether a key that nothing reads was meant to change what is trained."""
    return key.partition("[].")[2] in TRAINING_KEYS if "[]." in key else key in TRAINING_KEYS


def _find_in_messages(name: str, value: Any) -> Iterator[str]:
    known = SHAREGPT_KEYS if name == "conversations" else (*MESSAGE_KEYS, *MARGINAL_KEYS)
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, dict):
            yield from (f"{name}[].{key}" for key in message if key not in known and _holds_something(message[key]))
            yield from _find_in_other_roles(name, message)


def _find_in_other_roles(name: str, message: Message) -> Iterator[str]:
    """Calls and reasoning are the assistant's: on other messages nothing reads them."""
    if message.get("role") != "assistant":
        keys = ("tool_calls", "reasoning_content")
        yield from (f"{name}[].{key}" for key in keys if _holds_something(message.get(key)))


def _holds_something(value: Any) -> bool:
    return value is not None and value not in ("", [], {})
