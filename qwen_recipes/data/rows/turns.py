"""From a conversation to the examples that it is trained as (`chat.turns`).

The templates of hybrid and Thinking models take the reasoning out of every turn before the last user query. A
conversation with several reasoned turns is therefore cut after each query's answer: every example is the text that the
model sees when it is asked this query, tool steps within it included, and what comes before is context without loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .flags import is_trained
from .messages import BadRowError, Message, Row

THINK_END = "</think>"
_EARLIER_REASONING = "reasoning of an earlier turn"
_PROBE = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": f"<think>\n{_EARLIER_REASONING}\n</think>\n\nb"},
    {"role": "user", "content": "c"},
    {"role": "assistant", "content": "<think>\nd\n</think>\n\ne"},
]


def strips_earlier_reasoning(render: Callable[[list[Message]], str]) -> bool:
    """Whether a chat template takes the reasoning out of turns before the last user query."""
    try:
        return _EARLIER_REASONING not in render(_PROBE)
    except Exception:  # a template can raise anything; rows are judged one by one afterwards
        return False


def make_examples(row: Row, turns: str, train_on: str, strips_reasoning: Callable[[], bool]) -> list[Row]:
    """The examples of a row in our form: several where `turns` is `split` and reasoning would be lost, else one.

    A query of which nothing carries loss gives none. Raises BadRowError where nothing in the row carries loss.
    """
    if "messages" not in row:
        return [row]
    messages = row["messages"]
    made = [talk for talk in _cut(messages, turns, strips_reasoning) if _carries_loss(talk, train_on)]
    if not made:
        raise BadRowError("no turn carries loss: flags (`train`, `weight`, `loss`) take out every one")
    return [row if talk is messages else {**row, "messages": talk} for talk in made]


def _cut(messages: list[Message], turns: str, strips_reasoning: Callable[[], bool]) -> list[list[Message]]:
    starts = find_queries(messages)
    if turns == "last":
        return [_mask_context(messages, starts[-1])] if len(starts) > 1 else [messages]
    if turns != "split" or not _loses_reasoning(messages) or not strips_reasoning():
        return [messages]
    return [
        _mask_context(_end_with_answer(messages[:end]), start)
        for start, end in zip(starts, [*starts[1:], len(messages)], strict=True)
    ]


def find_queries(messages: Sequence[Message]) -> list[int]:
    """Indices of messages at which a query begins: the first, and each user's after an answer, tool results aside."""
    starts, asked, answered = [0], False, False
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            answered = answered or asked
        elif is_query(message):
            if answered:
                starts.append(index)
            asked, answered = True, False
    return starts


def is_query(message: Message) -> bool:
    """Whether a user asks something: Qwen3's templates tell tool results apart by their tags."""
    if message["role"] != "user":
        return False
    content = message["content"].removesuffix("\n")  # which Qwen3-Coder writes after a result
    return not (content.startswith("<tool_response>") and content.endswith("</tool_response>"))


def has_reasoning(message: Message) -> bool:
    """Whether an answer has a thought that is not empty."""
    before, found, _ = message["content"].partition(THINK_END)
    return bool(message["role"] == "assistant" and found and before.rpartition("<think>")[2].strip())


def _loses_reasoning(messages: Sequence[Message]) -> bool:
    """Whether a turn that is trained has reasoning and stands before the last query."""
    return any(has_reasoning(m) and is_trained(m) for m in messages[: _find_last_query(messages)])


def _find_last_query(messages: Sequence[Message]) -> int:
    return max((index for index, message in enumerate(messages) if is_query(message)), default=0)


def _end_with_answer(messages: list[Message]) -> list[Message]:
    last = max(index for index, message in enumerate(messages) if message["role"] == "assistant")
    return messages[: last + 1]


def _mask_context(messages: list[Message], start: int) -> list[Message]:
    """The messages, those before `start` out of the loss, as is an earlier turn whose reasoning is taken out."""
    last = _find_last_query(messages)
    return [
        {**message, "train": False} if index < start or (index < last and has_reasoning(message)) else message
        for index, message in enumerate(messages)
    ]


def _carries_loss(messages: Sequence[Message], train_on: str) -> bool:
    if train_on == "all":
        return any(map(is_trained, messages))
    answers = [message for message in messages if message["role"] == "assistant"]
    return any(map(is_trained, answers[-1:] if train_on == "last-assistant" else answers))
