"""Flags on a message that say whether it carries loss: `train` and its like (true or false), `weight` (0 or 1).

`weight` is OpenAI's word, `train` and `training` Axolotl's, `loss` ms-swift's. A message without one is trained as
`chat.train_on` says; a flag can only take a turn out of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from .row import BadRowError, Message

FLAGS = ("train", "weight", "loss", "training", "trainable")
FLAG_NAMES = frozenset(FLAGS)


def read_train_flag(message: Message) -> bool | None:
    """What a message's flags say; None where it has none. Raises BadRowError for a wrong type or flags that differ."""
    if FLAG_NAMES.isdisjoint(message):
        return None
    found = {name: _read_flag(name, message[name]) for name in FLAGS if message.get(name) is not None}
    if len(set(found.values())) > 1:
        raise BadRowError(f"{' and '.join(f'`{name}`' for name in found)} of a message contradict each other")
    return next(iter(found.values()), None)


def _read_flag(name: str, value: object) -> bool:
    if name != "weight" and isinstance(value, bool):
        return value
    if name == "weight" and not isinstance(value, bool) and isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    wanted = "0 or 1" if name == "weight" else "true or false"
    raise BadRowError(f"`{name}` of a message is {wanted}, not {value!r}")


def is_trained(message: Message) -> bool:
    """Whether nothing takes a message in our form out of the loss."""
    return message.get("train") is not False


def remove_flags(messages: Sequence[Message]) -> list[Message]:
    """Messages with role and content alone."""
    return [{"role": message["role"], "content": message["content"]} for message in messages]
