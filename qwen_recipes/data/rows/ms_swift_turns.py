"""A row's text as messages for ms-swift, whose ChatML template puts marks around the first turn and what follows."""

from __future__ import annotations

from .encode import ANSWER_START, TURN_END, TURN_START, Segment
from .messages import BadRowError, Message

TURN_BREAK = TURN_END + "\n"
SYSTEM_START, USER_START = TURN_START + "system\n", TURN_START + "user\n"


def build_ms_swift_messages(segments: list[Segment]) -> list[Message]:
    """Messages that give this text: a question, and the rest as parts of one answer that say if they carry loss.

    Raises BadRowError where no user's turn stands before the first answer.
    """
    text = segments[0].text
    asked, mark, tail = text.partition(TURN_BREAK + ANSWER_START)
    if not mark:
        raise BadRowError("ms-swift needs a user turn before the first answer; `chat.encoding: exact` accepts this row")
    parts = [Segment(tail, segments[0].in_loss), *segments[1:]]
    return [*_question_messages(asked), *(_part_message(part) for part in parts if part.text)]


def _question_messages(text: str) -> list[Message]:
    made: list[Message] = []
    if text.startswith(SYSTEM_START):
        system, _, text = text.removeprefix(SYSTEM_START).partition(TURN_BREAK)
        made.append({"role": "system", "content": system})
    if not text.startswith(USER_START):
        raise BadRowError("ms-swift needs a user turn before the first answer; `chat.encoding: exact` accepts this row")
    return [*made, {"role": "user", "content": text.removeprefix(USER_START)}]


def _part_message(segment: Segment) -> Message:
    return {"role": "assistant", "content": segment.text, "loss": segment.in_loss}
