"""Prompts that the model answers itself, keys of messages that `columns` names, and CSV as people type it."""

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.layouts import detect_format
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.rows.row import BadRowError

ASKED = [{"role": "user", "content": "1 + 1?"}]
ANSWERED = [*ASKED, {"role": "assistant", "content": "2"}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "1 + 1?", "answer": "2"},
        {"question": "1 + 1?", "answer": "2"},
        {"problem": "1 + 1?", "solution": "2"},
        {"instruction": "1 +", "input": "1?", "output": "2"},
        {"query": "1 + 1?"},
        {"messages": ASKED, "solution": "2"},
        {"messages": ANSWERED},
        {"conversations": [{"from": "human", "value": "1 + 1?"}, {"from": "gpt", "value": "2"}]},
    ],
    ids=lambda row: next(iter(row)),
)
def test_a_prompt_is_read_alone(row):
    made = normalize_row(row, "prompt", {})
    assert [{**made["prompt"][0], "content": made["prompt"][0]["content"].replace("\n", " ")}] == ASKED
    kept = {name: value for name, value in row.items() if name in ("answer", "solution", "output")}
    assert {name: made["columns"][name] for name in kept} == kept


def test_a_prompt_that_ends_with_an_answer_is_refused():
    with pytest.raises(BadRowError, match="does not end with the user"):
        normalize_row({"prompt": ANSWERED}, "prompt", {})


@pytest.mark.parametrize("row", [{"instruction": "a", "output": None}, {"prompt": "a", "completion": ""}])
def test_an_example_that_lacks_its_answer_is_no_prompt(row):
    assert detect_format(row) != "prompt"


def test_keys_of_messages_are_named_by_columns():
    row = {
        "talk": {"turns": [{"who": "customer", "says": {"text": "1 + 1?"}}, {"who": "agent", "says": {"text": "2"}}]}
    }
    columns = {"messages": "talk.turns", "role": "who", "content": "says.text"}
    options = RowOptions({"customer": "user", "agent": "assistant"})
    assert normalize_row(row, "conversation", columns, options)["messages"] == ANSWERED


def test_a_preview_shows_a_prompt_up_to_the_answer(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n')
    (tmp_path / "right.py").write_text("def right(completions, **columns):\n    return [0.0 for _ in completions]\n")
    (tmp_path / "r.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\nrun: {backend: trl}\n"
        "objective: {type: grpo, rewards: [{path: right.py, function: right}]}\n"
    )
    made = CliRunner().invoke(main, ["data", "preview", str(tmp_path / "r.yaml")])
    assert made.exit_code == 0 and "0 of them in the loss" in made.output
    assert made.output.rstrip().endswith("<|im_start|>assistant")


def test_spaces_behind_the_delimiters_of_csv_are_no_part_of_names_and_values(tmp_path):
    (tmp_path / "rows.csv").write_text('prompt, completion\n1 + 1?, "2, or 10"\n')
    made = CliRunner().invoke(main, ["data", "preview", str(tmp_path / "rows.csv")])
    assert made.exit_code == 0 and "[[2, or 10<|im_end|>]]" in made.output
