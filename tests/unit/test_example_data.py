import json
import re
import unicodedata
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "examples" / "data"
COUNTS = {"support.jsonl": 320, "support-validation.jsonl": 24}

Message = dict[str, str]


def conversations(name: str) -> list[list[Message]]:
    lines = (DATA / name).read_text("utf-8").split("\n")
    assert lines.pop() == ""
    rows = [json.loads(line) for line in lines]
    assert all(list(row) == ["messages"] for row in rows)
    return [row["messages"] for row in rows]


def turns(messages: list[Message]) -> list[Message]:
    return messages[1:] if messages[0]["role"] == "system" else messages


def question(messages: list[Message]) -> str:
    """The first user message as a person would compare it: case and spaces aside."""
    return " ".join(turns(messages)[0]["content"].casefold().split())


def is_reasoned(answer: str) -> bool:
    """Whether it is one think block, not empty, and an answer after it."""
    return (
        re.fullmatch(r"<think>\n(?!\s)(?:(?!think>).)+\n</think>\n\n(?!\s)(?:(?!think>).)+", answer, re.DOTALL)
        is not None
    )


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_has_the_stated_number_of_rows(name: str, count: int) -> None:
    assert len(conversations(name)) == count
    assert f"| `{name}` | {count} |" in (DATA / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", COUNTS)
def test_roles_alternate_and_the_assistant_speaks_last(name: str) -> None:
    for line, messages in enumerate(conversations(name), 1):
        roles = [message["role"] for message in turns(messages)]
        assert roles == ["user", "assistant"] * (len(roles) // 2) != [], f"{name}:{line}"


@pytest.mark.parametrize("name", COUNTS)
def test_text_is_clean(name: str) -> None:
    for line, messages in enumerate(conversations(name), 1):
        for message in messages:
            content = message["content"]
            assert list(message) == ["role", "content"], f"{name}:{line}"
            assert content and content == content.strip(), f"{name}:{line}"
            assert unicodedata.is_normalized("NFC", content), f"{name}:{line}"
            assert "<|" not in content, f"{name}:{line}"


@pytest.mark.parametrize("name", COUNTS)
def test_reasoning_is_whole_and_only_in_the_last_turn(name: str) -> None:
    for line, messages in enumerate(conversations(name), 1):
        last = messages[-1]["content"]
        assert not any("think>" in message["content"] for message in messages[:-1]), f"{name}:{line}"
        assert "think>" not in last or is_reasoned(last), f"{name}:{line}"


def test_no_question_or_answer_comes_twice() -> None:
    rows = [messages for name in COUNTS for messages in conversations(name)]
    questions = [question(messages) for messages in rows]
    answers = [message["content"] for messages in rows for message in messages if message["role"] == "assistant"]
    assert len(set(questions)) == len(questions)
    assert len(set(answers)) == len(answers)


def test_training_rows_are_varied() -> None:
    rows = conversations("support.jsonl")
    longer = [messages for messages in rows if len(turns(messages)) > 2]
    reasoned = [messages for messages in rows if "<think>" in messages[-1]["content"]]
    instructed = [messages for messages in rows if messages[0]["role"] == "system"]
    assert len(rows) // 4 < len(longer) < len(rows) // 2
    assert len(reasoned) >= 15
    assert len(instructed) >= 20
