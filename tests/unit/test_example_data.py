import json
import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.sources import read_source_rows

DATA = Path(__file__).parents[2] / "examples" / "data"
COUNTS = {"support.jsonl": 299, "support-validation.jsonl": 22}
OTHERS: dict[str, tuple[int, str]] = {
    "reasoning.jsonl": (47, "messages"),
    "tools.jsonl": (24, "messages"),
    "sharegpt.jsonl": (16, "sharegpt"),
    "alpaca.json": (16, "alpaca"),
    "questions.csv": (16, "prompt-completion"),
    "preferences.jsonl": (64, "preference"),
    "labelled.jsonl": (64, "kto"),
    "articles.jsonl": (40, "text"),
    "sums.jsonl": (48, "prompt"),
}
RECIPES = sorted([*DATA.parent.glob("*.yaml"), DATA.parent / "quickstart" / "quickstart.yaml"])
COLUMNS = {"questions.csv": {"prompt": "question", "completion": "answer"}}

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
    assert f"| `{name}` | {count} | messages |" in (DATA / "README.md").read_text("utf-8")


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
def test_support_rows_do_not_reason(name: str) -> None:
    for line, messages in enumerate(conversations(name), 1):
        assert not any("think>" in message["content"] for message in messages), f"{name}:{line}"


def test_no_question_or_answer_comes_twice() -> None:
    rows = [messages for name in COUNTS for messages in conversations(name)]
    questions = [question(messages) for messages in rows]
    answers = [message["content"] for messages in rows for message in messages if message["role"] == "assistant"]
    assert len(set(questions)) == len(questions)
    assert len(set(answers)) == len(answers)


def test_training_rows_are_varied() -> None:
    rows = conversations("support.jsonl")
    longer = [messages for messages in rows if len(turns(messages)) > 2]
    instructed = [messages for messages in rows if messages[0]["role"] == "system"]
    assert len(rows) // 4 < len(longer) < len(rows) // 2
    assert len(instructed) >= 20


def written(name: str) -> list[dict[str, Any]]:
    """Rows as they stand in the file."""
    found = list(read_source_rows({"path": str(DATA / name), "hub": None}))
    assert not any(problem for *_, problem in found)
    return [row for _, _, row, _ in found]


def read(name: str) -> list[dict[str, Any]]:
    """Rows as training is given them. Raises BadRowError."""
    return [normalize_row(row, OTHERS[name][1], COLUMNS.get(name, {})) for row in written(name)]


def texts(value: Any) -> list[str]:
    """All text of a row."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in texts(item)]


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_hold_the_stated_rows_in_the_stated_layout(name: str) -> None:
    count, layout = OTHERS[name]
    assert len(read(name)) == count
    line = next(line for line in (DATA / "README.md").read_text("utf-8").split("\n") if f"| `{name}` |" in line)
    assert line.startswith(f"| `{name}` | {count} | {layout}")


@pytest.mark.parametrize("name", OTHERS)
def test_text_of_other_files_is_clean_and_comes_once(name: str) -> None:
    seen: Counter[str] = Counter()
    for row in written(name):
        for text in texts(row):
            assert text == text.strip() and unicodedata.is_normalized("NFC", text) and "<|" not in text, text
        seen[json.dumps(row.get("prompt", row), sort_keys=True)] += 1
    assert set(seen.values()) == {1}


def test_every_file_is_described() -> None:
    assert {path.name for path in DATA.iterdir()} == {*COUNTS, *OTHERS, "rewards.py", "README.md"}


def test_reasoning_is_given_apart_in_the_last_turn() -> None:
    for row in written("reasoning.jsonl"):
        *history, last = row["messages"]
        assert last["reasoning_content"] and not any("reasoning_content" in message for message in history)
    assert all(is_reasoned(row["messages"][-1]["content"]) for row in read("reasoning.jsonl"))


def test_calls_name_a_function_that_is_there_and_get_an_answer() -> None:
    for row in written("tools.jsonl"):
        known = {tool["function"]["name"]: tool["function"]["parameters"] for tool in row["tools"]}
        calls = [call["function"] for m in row["messages"] for call in m.get("tool_calls", ())]
        for call in calls:
            wanted = known[call["name"]]
            assert set(wanted["required"]) <= set(call["arguments"]) <= set(wanted["properties"])
        assert len(calls) == sum(m["role"] == "tool" for m in row["messages"])


def test_tools_have_calls_in_a_row_and_questions_without_one() -> None:
    roles = ["".join(m["role"][0] for m in row["messages"]) for row in written("tools.jsonl")]
    assert sum("tt" in row for row in roles) >= 3
    assert sum("t" not in row for row in roles) >= 2


def test_pairs_differ_and_the_chosen_side_is_not_told_by_its_length() -> None:
    pairs = read("preferences.jsonl")
    longer = sum(len(row["chosen"]) > len(row["rejected"]) for row in pairs)
    assert len(pairs) * 0.4 < longer < len(pairs) * 0.6
    assert sum(len(row["prompt"]) > 1 for row in pairs) >= 4


def test_labels_are_balanced_and_mixed() -> None:
    labels = [row["label"] for row in read("labelled.jsonl")]
    assert labels.count(True) == labels.count(False)
    assert 0.25 < labels[:32].count(True) / 32 < 0.75


def test_articles_are_passages() -> None:
    assert all(80 <= len(row["text"].split()) <= 250 for row in read("articles.jsonl"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_rows_of_every_example_pass_its_own_check(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an error nor a warning; the quickstart's model is made only by `make demo`, so another stands for it."""
    pytest.importorskip("tokenizers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    sets = ["--set", "model=Qwen/Qwen3-0.6B"] if recipe.stem == "quickstart" else []
    checked = CliRunner().invoke(main, ["data", "check", str(recipe), "--format", "json", *sets])
    if recipe.stem == "hub-dataset":
        assert checked.exit_code == 2 and "is not in the local cache" in checked.stderr
        return
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["findings"] == []
