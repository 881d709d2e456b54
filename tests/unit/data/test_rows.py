"""Rows prepared once for every framework: nothing lost without a count, and a reason."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.data.rows import prepare as preparing
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError, normalize_messages
from qwen_recipes.data.rows.prepare import read_normalized_rows
from qwen_recipes.data.rows.written_roles import find_written_roles
from qwen_recipes.qwen.chat_templates import render_conversation

from .row_values import ANSWER, SOURCE, USER, row, said

CALL = {"function": {"name": "add", "arguments": {"a": 1}}}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({}, "no list"),
        (row(), "no list"),
        ({"messages": "x"}, "`messages` is text, not a list"),
        (row(USER), "no assistant turn"),
        (row(USER, ANSWER, USER), "last message"),
        (row({"role": "narrator", "content": "x"}, ANSWER), "unknown role"),
        (row({"role": "user", "content": ["x"]}, ANSWER), "not text"),
        (row("x", ANSWER), "not a map"),
        (row({"content": "x"}, ANSWER), "a message in `messages` has no `role`"),
    ],
)
def test_rows_that_cannot_be_trained_on(bad, why):
    with pytest.raises(BadRowError, match=why):
        normalize_row(bad, "messages", {})


@pytest.mark.parametrize(
    "whole",
    [
        row(USER, ANSWER),
        row({"role": "system", "content": "be kind"}, USER, ANSWER, USER, ANSWER),
        row(USER, {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool",
        "content": "2"}, ANSWER),
        row(USER, {"role": "assistant", "content": "let me", "tool_calls": [CALL, CALL]}, {"role": "tool",
        "content": "2"},
            {"role": "tool", "content": "3"}, ANSWER),
        row(USER, {"role": "assistant", "content": "4", "reasoning_content": "2+2"}),
    ],
    ids=["plain", "system", "tool", "tools", "reasoning"],
)  # fmt: skip
@pytest.mark.parametrize("tools", [None, [{"type": "function", "function": {"name": "add", "parameters": {}}}]])
def test_what_is_put_into_the_text_is_what_the_official_template_writes(whole, tools):
    """The row as it came, and the row as prepared, are the same text under the official template."""
    prepared = normalize_messages(whole["messages"], tools)
    clean = [{"role": m["role"], "content": m["content"]} for m in prepared]
    assert {m["role"] for m in clean} <= {"system", "user", "assistant"}
    assert render_conversation("hybrid", clean) == render_conversation("hybrid", whole["messages"], tools=tools)


def test_every_line_is_read_or_has_a_reason(tmp_path):
    file = tmp_path / "r.jsonl"
    good = json.dumps(row(USER, ANSWER))
    file.write_bytes(b"\xef\xbb\xbf" + f"{good}\n\n[1]\n{{broken\n".encode() + b"\xff\n" + good.encode())
    found = list(read_normalized_rows({**SOURCE, "path": str(file)}))
    assert [(n, bool(m)) for _, n, m, _ in found] == [(1, True), (3, False), (4, False), (5, False), (6, True)]
    assert all(why for *_, messages, why in found if messages is None)


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda i: st.lists(i, max_size=3) | st.dictionaries(
                        st.sampled_from(["messages", "role", "content", "tools", "tool_calls", "function", "name",
                                         "arguments", "reasoning_content", "x"]), i, max_size=4),
                                         max_leaves=12))  # fmt: skip
def test_no_row_crashes_the_reading(tmp_path_factory, value):
    file = tmp_path_factory.mktemp("rows") / "r.jsonl"
    for item in (value, {"messages": value}, {"messages": [{"role": "assistant", "content": "x",
    "tool_calls": value}]},
                 {"messages": [USER, {**ANSWER, "reasoning_content": value}]}, {"messages": [USER, ANSWER],
                 "tools": value}):  # fmt: skip
        file.write_text(json.dumps(item), "utf-8")
        found = list(read_normalized_rows({**SOURCE, "path": str(file)}))
        assert all((messages is None) == bool(why) for _, _, messages, why in found)
        assert len(found) == 1 or isinstance(item, list)


def test_counts_add_up(prepare):
    made, report = prepare([said("a"), said("b " * 20), "broken\n", row(USER), said("c")])
    assert len(made["train"]) == 2
    assert report["counts"] == {"read": 5, "train": 2, "validation": 0, "bad": 2, "overlong": 1}
    assert [(r["line"], bool(r["why"])) for r in report["left_out"]] == [(3, True), (4, True), (2, True)]


def test_a_share_is_held_out_and_the_same_each_time(prepare):
    items = [said(str(n)) for n in range(40)]
    one, report = prepare(items, validation_share=0.1)
    assert report["counts"]["train"], report["counts"]["validation"] == (36, 4)
    both = sorted(r["messages"][1]["content"] for r in one["train"] + one["validation"])
    assert both == sorted(str(n) for n in range(40))
    assert prepare(items, validation_share=0.1)[0] == one
    assert prepare(items, validation_share=0.1, seed=1)[0] != one


def test_truncate_keeps_what_is_long(prepare):
    made, report = prepare([said("b " * 20)], overlong="truncate")
    assert len(made["train"]) == 1
    assert report["left_out"] == []


def test_truncate_leaves_out_what_would_teach_nothing(prepare):
    long = row({"role": "user", "content": "long " * 20}, ANSWER)
    made, report = prepare([long, said("b")], overlong="truncate")
    assert len(made["train"]) == report["counts"]["overlong"] == 1
    assert report["left_out"][0]["why"] == "none of the 10 tokens that fit is in the loss"


def test_only_the_last_turn_is_marked(prepare):
    made, _ = prepare([row(USER, ANSWER, USER, ANSWER)], shape="marked-messages", train_on="last-assistant")
    assert [m["train"] for m in made["train"][0]["messages"]] == [False, False, False, True]
    made, _ = prepare([row(USER, ANSWER)])
    assert set(made["train"][0]["messages"][0]) == {"role", "content"}


@pytest.mark.parametrize(
    ("items", "changes", "why"),
    [
        ([said("b " * 20)], {"overlong": "error"}, "too long"),
        ([said("b " * 20)], {}, "no row is left to train on"),
        (["broken\n"], {}, "no row is left to train on"),
        ([said("a")], {"validation_share": 0.5}, "no row is left to train on"),
        ([said("a")] * 3, {"needed_examples": 4}, "3 examples make no batch of 4: .* a smaller `training.batch_size`"),
        ([said("a b c d")] * 2, {"needed_packs": 2}, "2 rows make 1 packs of 10 tokens, and a batch takes 2"),
        ([said("a b c d e f")] * 2, {"needed_packs": 2, "pack_length": 20}, "2 rows make 1 packs of 20 tokens"),
    ],
)
def test_where_nothing_is_left_the_run_stops(prepare, items, changes, why):
    with pytest.raises(SystemExit, match=why):
        prepare(items, **changes)


def test_validation_of_which_nothing_is_left_stops_the_run(prepare):
    with pytest.raises(SystemExit, match="validate on"):
        prepare([said("a")], ["broken\n"])


def test_the_same_rows_as_validation_files(prepare):
    made, report = prepare([said("a")], [said("b")])
    assert [r["messages"][1]["content"] for r in made["validation"]] == ["b"]
    assert report["counts"]["read"] == 2


def test_a_missing_file_stops_before_anything_is_loaded(tmp_path):
    spec = tmp_path / "rows.json"
    sources = {"train": [{**SOURCE, "path": "nowhere.jsonl"}], "validation": []}
    spec.write_text(json.dumps({**sources, "out": str(tmp_path / "made")}), "utf-8")
    command = [sys.executable, "-m", "qwen_recipes.data.rows", str(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rows: nowhere.jsonl does not exist\n"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("layout", "row", "made"),
    [
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]},
            [USER, ANSWER],
        ),
        ("alpaca", {"instruction": "hi", "input": "", "output": "ho"}, [USER, ANSWER]),
        ("alpaca", {"instruction": "a", "input": "b", "output": "ho"}, [{"role": "user", "content": "a\nb"}, ANSWER]),
        ("prompt-completion", {"prompt": "hi", "completion": "ho"}, [USER, ANSWER]),
        ("prompt-completion", {"prompt": [USER], "completion": [ANSWER]}, [USER, ANSWER]),
    ],
)
def test_layouts_of_conversations(layout, row, made):
    assert normalize_row(row, layout, {}) == {"messages": made}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"prompt": "hi", "chosen": "a", "rejected": "a"}, "the same"),
        ({"chosen": "a", "rejected": "b"}, "no `prompt`"),
        ({"prompt": "hi", "chosen": "", "rejected": "b"}, "no text in `chosen`"),
        ({"chosen": [USER, ANSWER], "rejected": [ANSWER, ANSWER]}, "different prompts"),
        ({"prompt": [ANSWER], "chosen": "a", "rejected": "b"}, "does not end with the user"),
    ],
)
def test_pairs_that_cannot_be_compared(row, why):
    with pytest.raises(BadRowError, match=why):
        normalize_row(row, "preference", {})


def test_pairs_and_labels():
    pair = {"prompt": [USER], "chosen": "ho", "rejected": "no"}
    conversational = {"chosen": [USER, ANSWER], "rejected": [USER, {"role": "assistant", "content": "no"}]}
    assert normalize_row({"prompt": "hi", "chosen": "ho", "rejected": "no"}, "preference", {}) == pair
    assert normalize_row(conversational, "preference", {}) == pair
    labelled = {"prompt": [USER], "completion": "ho", "label": True}
    assert normalize_row({"prompt": "hi", "completion": "ho", "label": True}, "kto", {}) == labelled
    with pytest.raises(BadRowError, match="label"):
        normalize_row({"prompt": "hi", "completion": "ho", "label": "yes"}, "kto", {})


def test_columns_are_named_anew_and_must_be_there():
    assert normalize_row({"talk": [USER, ANSWER]}, "messages", {"messages": "talk"}) == {"messages": [USER, ANSWER]}
    with pytest.raises(BadRowError, match="no column talk"):
        normalize_row({"messages": [USER, ANSWER]}, "messages", {"messages": "talk"})


def test_weights_repeat_and_draw(prepare, tmp_path):
    from qwen_recipes.data.rows.sources import repeat_by_weight

    assert repeat_by_weight([1, 2], 2.0, 0) == [1, 2, 1, 2]
    half = repeat_by_weight(list(range(10)), 0.5, 1)
    assert len(half) == 5 and half == sorted(set(half)) and half == repeat_by_weight(list(range(10)), 0.5, 1)


@pytest.mark.parametrize("name", ["rows.json", "rows.csv", "folder", "*.jsonl"])
def test_files_folders_and_patterns(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for place in ("a.jsonl", "b.jsonl", "folder/c.jsonl"):
        (tmp_path / place).write_text(json.dumps({"prompt": "hi", "completion": "ho"}) + "\n", "utf-8")
    (tmp_path / "rows.json").write_text(json.dumps([{"prompt": "hi", "completion": "ho"}]), "utf-8")
    (tmp_path / "rows.csv").write_text("prompt,completion\nhi,ho\n", "utf-8")
    found = list(read_normalized_rows({**SOURCE, "path": name, "format": "prompt-completion"}))
    assert len(found) == {"*.jsonl": 2}.get(name, 1)
    assert all(row == {"messages": [USER, ANSWER]} for _, _, row, _ in found)


@pytest.mark.parametrize(
    ("columns", "made"),
    [
        ({}, row({"role": "agent", "content": "x"}, {"from": "customer", "value": "y"})),
        ({"messages": "talk.turns", "role": "who"}, {"talk": {"turns": [{"who": "agent"}, {"who": "customer"}]}}),
        ({}, {"input": {"messages": [{"role": "customer", "content": "q"}]}, "chosen": [{"role": "agent"}]}),
        ({}, [1]),
    ],
)
def test_roles_are_found_as_rows_write_them(columns, made):
    assert find_written_roles(made, columns) == ({"agent", "customer"} if made != [1] else set())


def test_a_role_that_no_row_has_is_named_beside_those_that_rows_have(prepare, tmp_path, capsys):
    path = tmp_path / "roles.jsonl"
    agent = {"role": "agent", "content": "a"}
    path.write_text("".join(json.dumps(one) + "\n" for one in (said("ho"), row(USER, agent))), "utf-8")
    source = {**SOURCE, "path": str(path), "roles": {"agnet": "assistant", "user": "user"}}
    _, report = prepare([], train=[source])
    (why,) = report["roles_not_seen"]
    assert why.startswith(
        "`roles` names `agnet`, which no row has; other roles, by rows: `agent` in 1, `assistant` in 1"
    )
    assert why in capsys.readouterr().err
    _, report = prepare([], train=[{**source, "roles": {"agent": "assistant"}}])
    assert report["roles_not_seen"] == [] and report["counts"]["bad"] == 0


def test_a_tokenizer_that_cannot_be_loaded_is_named(tmp_path, monkeypatch):
    def fail(spec):
        raise OSError("We couldn't connect to 'https://huggingface.co' to load the files")

    monkeypatch.setattr(preparing, "RowRenderer", fail)
    spec = {"train": [], "validation": [], "tokenizer": "me/bot", "out": str(tmp_path), "copies": []}
    monkeypatch.setattr(preparing, "copy_files", lambda _: None)
    with pytest.raises(SystemExit, match="the tokenizer of me/bot cannot be loaded: We couldn't connect"):
        preparing.prepare_rows(spec)
