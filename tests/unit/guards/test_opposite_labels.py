"""Nearly the same answers to a prompt whose labels differ (QR532), and answers that say little (QR533)."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

pytest.importorskip("tokenizers")

from qwen_recipes.cli import main
from qwen_recipes.guards.rows.answer_counts import MIN_ROWS, AnswerCounts
from qwen_recipes.guards.rows.opposite_labels import MAX_PER_PROMPT, LabelledAnswers

PARIS = "Paris is the capital of France."


def label(prompt, completion, good):
    return {"prompt": [{"role": "user", "content": prompt}], "completion": completion, "label": good}


def count_pairs(*rows):
    answers = LabelledAnswers()
    for line, row in enumerate(rows, 1):
        answers.add_row(row, "rows.jsonl", line)
    return len(list(answers.find_pairs()))


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        ("paris is the  capital of France", True),
        ("Paris is the capital city of France.", True),
        ("Paris is the capitol of France.", True),
        (PARIS, True),
        ("Lyon has been the capital of France.", False),
        ("Berlin is the capital of Germany.", False),
    ],
)
def test_answers_of_opposite_labels_are_compared(other, alike):
    assert count_pairs(label("q", PARIS, True), label("Q?", other, False)) == alike
    assert count_pairs(label("q", PARIS, True), label("q", other, True)) == 0
    assert count_pairs(label("q", PARIS, True), label("another", other, False)) == 0


DIFFERENT = [
    ("4", "5"),
    ("Yes", "No"),
    ("+", "-"),
    ("It is due in 14 days from now.", "It is due in 15 days from now."),
    ("x" * 500 + "a", "x" * 500 + "b"),
]


@pytest.mark.parametrize(("good", "bad"), DIFFERENT)
def test_short_answers_and_numbers_are_what_a_label_is_about(good, bad):
    assert count_pairs(label("q", good, True), label("q", bad, False)) == 0


def test_many_answers_of_one_prompt_are_not_all_compared():
    rows = [label("q", PARIS, number % 2 == 0) for number in range(500)]
    assert count_pairs(*rows) == MAX_PER_PROMPT - 1


def test_the_command_names_both_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("Capital of France?", "Name a prime number.")
    rows = [
        (asked[0], PARIS, True),
        (asked[1], "Seven.", True),
        (asked[0], PARIS.lower(), False),
        (asked[1], "seven", 0),
    ]
    lines = [json.dumps({"prompt": a, "completion": b, "label": bool(c)}) for a, b, c in rows]
    (tmp_path / "kto.jsonl").write_text("\n".join(lines), "utf-8")
    done = CliRunner().invoke(main, ["data", "check", "kto.jsonl", "--format", "json"])
    (finding,) = [one for one in json.loads(done.stdout)["findings"] if one["code"] == "QR532"]
    assert [(row["line"], row["message"][-len("true at kto.jsonl:1") :]) for row in finding["examples"]] == [
        (3, "true at kto.jsonl:1"),
        (4, "true at kto.jsonl:2"),
    ]
    assert "QR532" not in CliRunner().invoke(main, ["data", "check", "kto.jsonl", "--ignore", "QR532"]).output


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["I can't help.", "i can't help"] * 5, "have the same answer"),
        ([f"{number} " + "over and over again " * 40 for number in range(MIN_ROWS)], "repeat the same few words"),
        ([f"answer number {number}" for number in range(MIN_ROWS)], ""),
        (["the same"] * (MIN_ROWS - 1), ""),
    ],
)
def test_answers_that_say_little(answers, reason):
    counts = AnswerCounts()
    for text in answers:
        counts.add_answer(text, 50, labelled=False)
    found = [why for _, _, why, _ in counts.find_problems()]
    assert (reason in found[0]) if reason else not found
