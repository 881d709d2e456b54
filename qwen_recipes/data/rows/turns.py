"""A row's text as messages for ms-swift, whose ChatML template puts marks around the first turn and what follows."""

from __future__ import annotations

from .encode import ANSWER, END, START, Segment
from .messages import BadRow, Message

TURN_ENDS = END + "\n"
SYSTEM, USER = START + "system\n", START + "user\n"


def turns(segments: list[Segment]) -> list[Message]:
    """Messages that give this text: a question, and the rest as parts of one answer that say if they carry loss.

    Raises BadRow where no user's turn stands before the first answer.
    """
    text = segments[0].text
    asked, mark, tail = text.partition(TURN_ENDS + ANSWER)
    if not mark:
        raise BadRow("ms-swift wants a user's turn before the first answer; `chat.encoding: exact` takes this row")
    parts = [Segment(tail, segments[0].trained), *segments[1:]]
    return [*_question(asked), *(_part(part) for part in parts if part.text)]


def _question(text: str) -> list[Message]:
    made: list[Message] = []
    if text.startswith(SYSTEM):
        system, _, text = text.removeprefix(SYSTEM).partition(TURN_ENDS)
        made.append({"role": "system", "content": system})
    if not text.startswith(USER):
        raise BadRow("ms-swift wants a user's turn before the first answer; `chat.encoding: exact` takes this row")
    return [*made, {"role": "user", "content": text.removeprefix(USER)}]


def _part(segment: Segment) -> Message:
    return {"role": "assistant", "content": segment.text, "loss": segment.trained}
