"""Keys of a row that nothing reads: what stands there does not reach the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .columns import rename_known_columns
from .flags import FLAGS
from .layout_readers import TOOL_KEYS
from .layouts import find_layout
from .message_forms import CONTENT_KEYS, PLAIN_KEYS, REASONING_KEYS, find_role
from .row import Message

MESSAGE_KEYS = ("role", *CONTENT_KEYS, "tool_calls", "function_call", *REASONING_KEYS, *FLAGS)
SPEAKER_KEYS = ("from", *CONTENT_KEYS, *FLAGS)
MARGINAL_KEYS = ("name", "id", "type", "tool_call_id", "refusal", "annotations", "audio")
"""Keys of messages that no template of Qwen3 writes."""
KNOWN_MESSAGE_KEYS = frozenset((*MESSAGE_KEYS, *MARGINAL_KEYS))
TRAINING_KEYS = frozenset(
    (
        *("system", "system_prompt", "tools", "functions", "function_call", "tool_calls", "history", "messages"),
        *("conversations", "instruction", "input", "output", "prompt", "completion", "response", "chosen", "rejected"),
        *("rejected_response", "rejected_messages", "label", "images", "image", "videos", "video", "audios", "audio"),
        *("documents", "reasoning_content", "reasoning", "thinking", "loss_scale", "enable_thinking"),
        *("chat_template_kwargs", "channel", "train_detail", "training_detail", "loss_mask", "loss_weight", *FLAGS),
        *("context", "mask", "masked", "learn", "ignore"),
    )
)
"""Keys that mean something for training to the frameworks or to OpenAI's API: to lose one is a finding (QR528)."""


def find_unread_keys(row: object, row_format: str, columns: Mapping[str, str]) -> list[str]:
    """The row's keys that hold something and that nothing reads; of messages as `messages[].images`."""
    if not isinstance(row, dict):
        return []
    named = rename_known_columns(row, columns) if columns else row
    read = find_layout(named, row_format, columns).list_columns(named)
    known = {*read, *columns.values(), *(path.partition(".")[0] for path in columns.values())} if columns else read
    keep_all = row_format == "prompt"
    found = [str(key) for key, value in row.items() if key not in known and not keep_all and _holds_something(value)]
    for name in named:
        if name in read and name not in TOOL_KEYS and isinstance(named[name], (list, dict)):
            found += _find_in_messages(name, named[name])
    return list(dict.fromkeys(found)) if found else found


def is_training_key(key: str) -> bool:
    """Whether a key that nothing reads was meant to change what is trained."""
    return key.partition("[].")[2] in TRAINING_KEYS if "[]." in key else key in TRAINING_KEYS


def _find_in_messages(name: str, value: object) -> Iterator[str]:
    for message in value if isinstance(value, list) else [value]:
        if isinstance(message, dict) and message.keys() != PLAIN_KEYS and ("role" in message or "from" in message):
            known = KNOWN_MESSAGE_KEYS if "role" in message else SPEAKER_KEYS
            yield from (f"{name}[].{key}" for key in message if key not in known and _holds_something(message[key]))
            yield from _find_in_other_roles(name, message)


def _find_in_other_roles(name: str, message: Message) -> Iterator[str]:
    """Calls and reasoning are the assistant's: on other messages nothing reads them."""
    if "role" in message and find_role(str(message["role"])) != "assistant":
        keys = ("tool_calls", "function_call", *REASONING_KEYS)
        yield from (f"{name}[].{key}" for key in keys if _holds_something(message.get(key)))


def _holds_something(value: object) -> bool:
    return value is not None and value not in ("", [], {})
