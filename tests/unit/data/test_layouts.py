"""Every layout that frameworks document, as a file of its own in tests/layouts: what is read of it is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_recipes.data.detect_format import detect_file_format
from qwen_recipes.data.parsed_row import parse_row
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.layouts import (
    ANY_CONVERSATION,
    CONVERSATION_FORMATS,
    FORMATS,
    LAYOUTS,
    detect_format,
    find_layout,
)
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.row_reader import read_file_rows
from qwen_recipes.data.rows.tool_styles import format_tools
from qwen_recipes.data.rows.unread_keys import find_unread_keys, is_training_key
from qwen_recipes.guards.lint import lint_text
from tests.conftest import ROOT

FILES = sorted((ROOT / "tests/layouts").glob("*.jsonl"), key=lambda file: file.stem)
USER, ANSWER = {"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}
SYSTEM = {"role": "system", "content": "Be brief."}
HISTORY = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
TEXT = "2 + 2 = 4"
PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": PARAMETERS}}
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 2, "b": 2}}\n</tool_call>'
TOOL_TALK = [
    {"role": "system", "content": format_tools([TOOL])},
    USER,
    {"role": "assistant", "content": CALL},
    {"role": "user", "content": "<tool_response>\n4\n</tool_response>"},
    ANSWER,
]
PAIR = {"prompt": [USER], "chosen": "4", "rejected": "5"}
LABEL = {"prompt": [USER], "completion": "4", "label": True}


def expected(name):
    if "tool" in name or "function" in name:
        return {"messages": TOOL_TALK}
    if name in ("text", "ms-swift-pretraining"):
        return {"text": TEXT}
    if name in ("trl-prompt", "ms-swift-grpo"):
        return {"prompt": [USER], "columns": {"answer": "4"}}
    if "history" in name:
        return {"messages": [*HISTORY, USER, ANSWER]}
    if "kto" in name:
        return LABEL
    if detect_file_format(ROOT / f"tests/layouts/{name}.jsonl") == "preference":
        return PAIR
    return {"messages": [SYSTEM, USER, ANSWER]}


def read(file: Path):
    return json.loads(file.read_text("utf-8"))


STATED = {"ms-swift-pretraining": "text", "ms-swift-grpo": "prompt", "trl-prompt": "prompt"}
"""Layouts whose columns are another's too: the objective says which is meant."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_layout_is_found_by_its_columns_and_read_as_all_others(file):
    row_format = STATED.get(file.stem) or detect_file_format(file)
    row = read(file)
    made = normalize_row(row, row_format, {})
    wanted = expected(file.stem)
    if file.stem == "alpaca":
        wanted = {"messages": [SYSTEM, {"role": "user", "content": "What is\n2 + 2?"}, ANSWER]}
    assert made == wanted
    assert not [key for key in find_unread_keys(row, row_format, {}) if is_training_key(key)]
    if row_format in CONVERSATION_FORMATS:
        assert normalize_row(row, ANY_CONVERSATION, {}) == made


def test_there_are_enough_of_them():
    assert len(FILES) >= 40
    found = {find_layout(read(f), STATED.get(f.stem) or detect_file_format(f), {}).name for f in FILES}
    missing = {layout.name for layout in LAYOUTS} - found
    assert len(found) >= 25, missing
    assert {layout.format for layout in LAYOUTS} == set(FORMATS)


def test_roles_of_ones_own():
    row = {"messages": [{"role": "customer", "content": "What is 2 + 2?"}, {"role": "agent", "content": "4"}]}
    with pytest.raises(BadRowError, match="unknown role 'customer'"):
        normalize_row(row, "messages", {})
    options = RowOptions({"customer": "user", "agent": "assistant"})
    assert normalize_row(row, "messages", {}, options) == {"messages": [USER, ANSWER]}


@pytest.mark.parametrize(
    ("row", "row_format"),
    [
        ({"Question": "q", "Response": "a", "Complex_CoT": "c"}, "conversation"),
        ({"problem": "q", "solution": "a"}, "conversation"),
        ({"problem": "q", "answer": "a", "generations": ["x", "y"]}, "conversation"),
        ({"inputs": "q", "targets": "a"}, "conversation"),
        ({"Prompt": "q", "Chosen": "a", "Rejected": "b"}, "preference"),
        ({"prompt": "q", "text_chosen": "a", "text_rejected": "b"}, "preference"),
        ({"prompt": "q", "completion": "a", "desirable": True}, "kto"),
        ({"raw_content": "a text", "url": "u"}, "text"),
        ({"conversations": {"messages": [USER, ANSWER]}}, "conversation"),
        ({"conversations": [{"speaker": "User", "text": "q"}, {"speaker": "ai", "text": "a"}]}, "conversation"),
        ({"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]},
         "conversation"),
    ],
)  # fmt: skip
def test_columns_that_a_message_suggests_are_read(row, row_format):
    with pytest.raises(BadRowError) as raised:
        normalize_row(row, row_format, {})
    written = str(raised.value).partition("`columns: {")[2].partition("}`")[0]
    columns = dict(pair.split(": ") for pair in written.split(", "))
    assert columns and normalize_row(row, row_format, columns)


@pytest.mark.parametrize(
    "held",
    [
        {"role": ["user", "assistant"], "content": ["What is 2 + 2?", "4"]},
        {"from": ["human", "gpt"], "value": ["What is 2 + 2?", "4"]},
        [{"user": "What is 2 + 2?", "assistant": "4"}],
        [{"human": "What is 2 + 2?", "gpt": "4"}],
        [{"role": "user", "content": [{"text": "What is 2 + 2?"}]}, {"role": "assistant", "content": [{"text": "4"}]}],
        [{"role": "User", "content": "What is 2 + 2?"}, {"role": "Chatbot", "content": "4"}],
    ],
)
@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_messages_as_datasets_and_other_apis_save_them(held, column):
    assert normalize_row({column: held}, ANY_CONVERSATION, {}) == {"messages": [USER, ANSWER]}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"segments": [{"label": True, "text": "x"}]}, "text without a template, which is not read"),
        ({"conversations": "[{'from': 'human', 'value': 'q'}]"}, "a list in Python's notation, not JSON"),
        ({"messages": {"role": "user", "content": "q"}}, "put the messages into a list"),
        ({"instruction": "q", "input": {"a": 1}, "output": "a"}, "`input` is a map, not text"),
        ({"text": "q", "role": "prompter", "message_id": "1"}, "a row is a single message"),
        ({"data": ["q", "a", "q2", "a2"]}, "`data` is a list of texts"),
        ({"instruction": ["a", "b"], "output": ["c", "d"]}, "a whole table by columns"),
        ({"id1": {"instruction": "q", "output": "a"}}, "save the values as a list"),
        ({"question": "q", "answers": {"text": ["x"]}}, "name its prompt and completion with `columns`"),
    ],
)
def test_what_cannot_be_read_says_what_to_write(row, says):
    with pytest.raises(BadRowError) as raised:
        normalize_row(row, ANY_CONVERSATION, {})
    assert says in str(raised.value)


@pytest.mark.parametrize("keys", [("role", "content"), ("from", "value")])
def test_roles_in_capitals_or_with_blanks(keys):
    said = [(" System", "Be brief."), ("User", "2 + 2?"), ("ASSISTANT ", "4")]
    row = {"messages": [dict(zip(keys, turn, strict=True)) for turn in said]}
    roles = [message["role"] for message in normalize_row(row, "messages", {})["messages"]]
    assert roles == ["system", "user", "assistant"]
    named = RowOptions({"User": "assistant", "ASSISTANT ": "user"})
    turned = {"messages": [*row["messages"][:1], *row["messages"][:0:-1]]}
    assert normalize_row(turned, "messages", {}, named)["messages"][1]["role"] == "user"


def test_reasoning_of_an_assistant_in_capitals_is_read():
    answer = {"role": "Assistant", "reasoning": "Two and two.", "content": "4"}
    row = {"messages": [USER, answer]}
    assert "Two and two." in normalize_row(row, "messages", {})["messages"][1]["content"]
    assert find_unread_keys(row, "messages", {}) == []


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({"talk": {"messages": [USER, ANSWER]}}, "talk.messages"),
        ({"talks": [{"messages": []}, {"messages": [USER, ANSWER]}]}, "talks.1.messages"),
        ({"a.b": [USER, ANSWER]}, "a.b"),
        ({"messages": "an id", "talk": [[USER, ANSWER]]}, "talk.0"),
    ],
)
def test_columns_may_lie_deeper(row, path):
    assert normalize_row(row, "messages", {"messages": path}) == {"messages": [USER, ANSWER]}
    assert not find_unread_keys({key: value for key, value in row.items() if key != "messages"}, "messages",
                                {"messages": path})  # fmt: skip


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(BadRowError, match=r"no column a\.b\.c; the row has `a`"):
        normalize_row({"a": {"b": 1}}, "messages", {"messages": "a.b.c"})


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("accepted", "rejected"),
        ("preferred", "dispreferred"),
        ("preferred", "non_preferred"),
        ("winner", "loser"),
        ("better", "worse"),
        ("positive", "negative"),
        ("response_j", "response_k"),
    ],
)
def test_pairs_under_other_names(better, worse):
    row = {"prompt": "q", better: "good", worse: "bad"}
    assert detect_format(row) == "preference"
    made = normalize_row(row, "preference", {})
    assert "good" in str(made["chosen"]) and "bad" in str(made["rejected"])
    assert not find_unread_keys(row, "preference", {})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "response_a": "x", "response_b": "y", "winner": "a"},
        {"question": "q", "answer_0": "x", "answer_1": "y", "better_id": 1},
        {"conversation_a": [USER, ANSWER], "conversation_b": [USER, ANSWER], "winner": "model_a"},
    ],
)
def test_two_answers_and_a_verdict_are_no_prompt(row):
    assert detect_format(row) is None
    with pytest.raises(BadRowError, match="is better has to be the same in each row: write columns `chosen` and"):
        normalize_row(row, "messages", {})


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"Question": "q", "Answer": "a"}, "{prompt: Question, completion: Answer}"),
        ({"user": "q", "assistant": "a"}, "{prompt: user, completion: assistant}"),
        ({"x": "q", "y": "a"}, "{prompt: …, completion: …}"),
        ({"data": {"messages": [USER, ANSWER]}}, "{messages: data.messages}"),
        ({"dialogue": [{"speaker": "user", "utterance": "q"}, {"speaker": "bot", "utterance": "a"}]},
         "{messages: dialogue, role: speaker, content: utterance}"),
    ],
)  # fmt: skip
def test_the_columns_to_write_are_named(row, columns):
    with pytest.raises(BadRowError) as raised:
        normalize_row(row, "messages", {})
    assert f"`columns: {columns}`" in str(raised.value)


@pytest.mark.parametrize(
    ("row", "row_format", "said"),
    [
        ({"prompt": "q", "completion": 4}, "prompt-completion", "`completion` is a number, not text: write it in"),
        ({"instruction": "q", "output": True}, "alpaca", "`output` is true or false, not text"),
        ({"prompt": "q", "chosen": "x", "rejected": 0.5}, "preference", "`rejected` is a number, not text"),
        ({"query": "q", "response": "x", "rejected_response": 5}, "preference", "`rejected_response` is a number"),
        ({"prompt": "q", "completion": 5, "label": True}, "kto", "`completion` is a number"),
        ({"prompt": "q", "completion": ["a", "b"]}, "prompt-completion", "`completion` is a list of text"),
        ({"messages": ["a", "b"]}, "messages", "a message is text, not a map with `role` and `content`"),
    ],
)
def test_an_answer_that_is_no_text_is_named(row, row_format, said):
    with pytest.raises(BadRowError, match=said):
        normalize_row(row, row_format, {})


@pytest.mark.parametrize("row", [USER, {"from": "human", "value": "q"}])
def test_a_row_that_is_one_message_is_named(row):
    with pytest.raises(BadRowError, match="a row is a single message"):
        normalize_row(row, "messages", {})


def test_alpacas_own_prompt():
    row = {"instruction": "Add.", "input": "2 + 2", "output": "4"}
    (asked, _) = normalize_row(row, "alpaca", {}, RowOptions({}, "alpaca"))["messages"]
    assert asked["content"].startswith("Below is an instruction that describes a task, paired with an input")
    assert asked["content"].endswith("### Instruction:\nAdd.\n\n### Input:\n2 + 2\n\n### Response:\n")


def test_parallel_calls_join_the_message_before_them():
    call = {"from": "function_call", "value": '[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]'}
    row = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "Both."}, call,
                             {"from": "observation", "value": "1"}, {"from": "gpt", "value": "a"}]}  # fmt: skip
    made = normalize_row(row, "sharegpt", {})["messages"]
    assert [m["role"] for m in made] == ["user", "assistant", "user", "assistant"]
    assert made[1]["content"].count("<tool_call>") == 2 and made[1]["content"].startswith("Both.\n")


@pytest.mark.parametrize(
    ("row", "row_format", "why"),
    [
        ({"conversation": {"x": 1}}, "sharegpt", "no list"),
        ({"query": "q", "response": "a", "history": "x"}, "prompt-completion", "pairs"),
        ({"messages": [USER, ANSWER], "tools": "{"}, "messages", "not a list|not JSON"),
        ({"messages": [USER, {"role": "tool_call", "content": "nope"}]}, "messages", "without a name"),
        ({"chosen": "Human: a", "rejected": "x"}, "preference", "no `prompt`"),
        ({"prompt": "q", "completion": "a", "label": 0.5}, "kto", "true or false"),
        ({"input": {"messages": 3}, "preferred_output": [ANSWER], "non_preferred_output": [USER]}, "preference", "no"),
    ],
)
def test_what_is_half_a_layout_is_refused_with_a_reason(row, row_format, why):
    with pytest.raises(BadRowError, match=why):
        normalize_row(row, row_format, {})


@pytest.mark.parametrize(
    ("made", "row_format", "objective"),
    [
        ({"text": "t"}, "conversation", "pretrain"),
        ({"text": "t"}, "messages", "pretrain"),
        ({"text": "t"}, "preference", "pretrain"),
        ({"prompt": "p", "chosen": "a", "rejected": "b"}, "conversation", "dpo"),
        ({"prompt": "p", "chosen": "a", "rejected": "b"}, "kto", "dpo"),
        ({"prompt": "p", "completion": "a", "label": True}, "preference", "kto"),
        ({"prompt": "p", "completion": "a"}, "text", "sft"),
        ({"question": "p"}, "conversation", "grpo"),
    ],
)
def test_a_row_of_another_objective_says_which(made, row_format, objective):
    with pytest.raises(BadRowError, match=f"set `objective: {objective}`, or name its .* with `columns`"):
        normalize_row(made, row_format, {})
    assert f"`objective: {objective}`" in parse_row(made, row_format, {}, "hybrid", None).problem


@pytest.mark.parametrize("made", [{"messages": []}, {"a": 1}, [1], {"prompt": "p", "completion": ""}])
def test_a_row_that_is_no_other_objectives_says_nothing_of_them(made):
    with pytest.raises(BadRowError) as caught:
        normalize_row(made, "conversation", {})
    assert "objective" not in str(caught.value)


def test_lint_warns_of_plain_text_unless_it_is_pretrained_on(tmp_path):
    (tmp_path / "plain.txt").write_text("a line\nanother\n", "utf-8")
    (tmp_path / "rows.txt").write_text('{"prompt": "q", "completion": "a"}\n', "utf-8")

    def find(path, more=""):
        text = f"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: [{{path: {path}}}]}}\n{more}"
        return [
            one.message for one in lint_text(text, "r.yaml", tmp_path, check_data=True).findings if one.code == "data"
        ]

    assert find("plain.txt") == ["plain.txt is plain text, which `sft` cannot train on"]
    assert find("plain.txt", "objective: dpo\n") == ["plain.txt is plain text, which `dpo` cannot train on"]
    assert find("plain.txt", "objective: pretrain\n") == find("rows.txt") == []


ASKED, ANSWERED = {"role": "user", "content": "q"}, {"role": "assistant", "content": "A"}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "prompter", "text": "q"}, {"role": "assistant", "text": "A"}]},
        {"conversations": [{"from": "human", "text": "q"}, {"from": "gpt", "text": "A"}]},
        {"conversation": [{"input": "q", "output": "A"}]},
        {"instruction": "", "input": "q", "output": "A"},
        {"prompt": "\n\nHuman: q\n\nAssistant:", "completion": " A"},
        {"instruction": "q", "output": "A", "prompt": "other", "response": "other"},
    ],
)
def test_what_is_said_is_found_where_it_stands(row):
    assert normalize_row(row, ANY_CONVERSATION, {}) == {"messages": [ASKED, ANSWERED]}


@pytest.mark.parametrize(
    "message", [{"role": "user"}, {"role": "user", "content": None}, {"role": "user", "contents": "q"}]
)
def test_a_message_without_text_is_refused(message):
    with pytest.raises(BadRowError, match="a message of the user has no `content`"):
        normalize_row({"messages": [message, ANSWERED]}, ANY_CONVERSATION, {})
    with pytest.raises(BadRowError, match="a message of the assistant has no `content`"):
        normalize_row({"messages": [ASKED, {**message, "role": "assistant"}]}, ANY_CONVERSATION, {})


def test_keys_that_are_read_are_those_that_are_not_called_unread():
    row = {"instruction": "q", "output": "A", "prompt": "other", "response": "other"}
    assert find_unread_keys(row, ANY_CONVERSATION, {}) == ["prompt", "response"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"Q": "q", "A": "a"}, "the columns are `Q`, `A`"),
        ({"dialog": [ASKED, ANSWERED]}, "columns: {messages: dialog}"),
        ({"data": [{"messages": [ASKED, ANSWERED]}]}, "the rows are the list under `data`"),
    ],
)
def test_columns_of_no_layout_are_named_with_what_to_write(row, says):
    assert says in parse_row(row, ANY_CONVERSATION, {}, "hybrid", None).problem


@pytest.mark.parametrize(("label", "read"), [("1", True), ("0", False), ("TRUE", True), (1, True), (0.0, False)])
def test_labels_as_csv_has_them(label, read):
    assert normalize_row({"prompt": "q", "completion": "A", "label": label}, "kto", {})["label"] is read


def test_a_wrong_label_is_shown_and_no_other_objective_is_named():
    problem = parse_row({"prompt": "q", "completion": "A", "label": "good"}, "kto", {}, "hybrid", None).problem
    assert problem == "`label` is true or false, not 'good'"


@pytest.mark.parametrize("flag", ["training", "trainable"])
def test_further_flags_take_a_turn_out_of_the_loss(flag):
    messages = normalize_row({"messages": [ASKED, {**ANSWERED, flag: False}]}, ANY_CONVERSATION, {})["messages"]
    assert messages == [ASKED, {**ANSWERED, "train": False}]


def test_objects_over_several_lines_and_json_in_a_csv(tmp_path):
    rows = [{"prompt": "q", "completion": "A"}] * 2
    (tmp_path / "spread.jsonl").write_text("\n".join(json.dumps(row, indent=1) for row in rows), "utf-8")
    (tmp_path / "json.csv").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    for name in ("spread.jsonl", "json.csv"):
        assert [row.row for row in read_file_rows(tmp_path / name)] == rows


@pytest.mark.parametrize(
    ("row", "row_format", "says"),
    [
        ({"prompt": "", "chosen": "x", "rejected": "y"}, "preference", "`prompt` is empty"),
        ({"prompt": "q", "completion": "A"}, "kto", "no `label`"),
    ],
)
def test_what_is_missing_is_named(row, row_format, says):
    assert parse_row(row, row_format, {}, "hybrid", None).problem.startswith(says)
