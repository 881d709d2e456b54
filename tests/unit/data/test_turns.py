"""One example for each user query, flags per message, held-out shares, keys that nothing reads, nulls, own paths."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.rows.arrow_rows import drop_struct_nulls
from qwen_recipes.data.rows.encode import LossRule, split_segments
from qwen_recipes.data.rows.flags import read_train_flag
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.output_overlap import find_overlap
from qwen_recipes.data.rows.unread_keys import find_unread_keys, is_training_key
from qwen_recipes.qwen.chat_templates import read_template, render_conversation
from tests.conftest import ROOT

from .row_values import SOURCE, said


def user(text):
    return {"role": "user", "content": text}


def answer(text, thought="", **more):
    return {"role": "assistant", "content": text, **({"reasoning_content": thought} if thought else {}), **more}


CALL = {"function": {"name": "f", "arguments": {"x": 1}}}
THREE = [
    {"role": "system", "content": "s"},
    user("q1"), answer("one", "t1"),
    user("q2"), answer("", "t2a", tool_calls=[CALL]), {"role": "tool", "content": "7"}, answer("two", "t2b"),
    user("q3"), answer("three", "t3"),
]  # fmt: skip
HYBRID = TemplateRenderer("hybrid")


def examples_of(messages, turns="split", train_on="assistant", variant="hybrid"):
    row = normalize_row({"messages": messages}, "messages", {})
    return TemplateRenderer(variant).make_examples(row, turns, train_on)


def trained_text(example, train_on="assistant", variant="hybrid"):
    segments = split_segments(example, TemplateRenderer(variant).render, LossRule(train_on))
    return [text for text, in_loss in segments if in_loss]


def test_each_query_is_an_example_rendered_as_it_is_served():
    made = examples_of(THREE)
    assert len(made) == 3
    for example, end in zip(made, (3, 7, 9), strict=True):
        served = render_conversation(read_template("hybrid"), THREE[:end])
        assert HYBRID.render(example["messages"]) == served
    assert trained_text(made[0]) == ["<think>\nt1\n</think>\n\none<|im_end|>"]
    first, last = trained_text(made[1])
    assert first.startswith("<think>\nt2a\n</think>") and first.endswith("</tool_call><|im_end|>")
    assert last == "<think>\nt2b\n</think>\n\ntwo<|im_end|>"
    assert trained_text(made[2]) == ["<think>\nt3\n</think>\n\nthree<|im_end|>"]


@pytest.mark.parametrize(
    ("messages", "variant"),
    [
        ([user("a"), answer("b"), user("c"), answer("d")], "hybrid"),
        ([user("a"), answer("b"), user("c"), answer("d", "only the last")], "hybrid"),
        ([user("a"), answer("<think>\n\n</think>\n\nb"), user("c"), answer("d", "t")], "hybrid"),
        ([user("a"), answer("b", "t", weight=0), user("c"), answer("d", "t")], "hybrid"),
        ([user("a"), answer("", "t", tool_calls=[CALL]), {"role": "tool", "content": "7"}, answer("c", "t")], "hybrid"),
        (THREE, "instruct-2507"),
    ],
    ids=["no reasoning", "reasoning last", "empty thought", "flagged out", "one query", "template keeps history"],
)
def test_where_no_reasoning_is_lost_a_conversation_stays_one_example(messages, variant):
    (only,) = examples_of(messages, variant=variant)
    assert only == normalize_row({"messages": messages}, "messages", {})


def test_together_and_last():
    (together,) = examples_of(THREE, "together")
    assert trained_text(together)[0] == "one<|im_end|>"
    (last,) = examples_of(THREE[:7], "last")
    assert [text[:12] for text in trained_text(last)] == ["<think>\nt2a\n", "<think>\nt2b\n"]
    (plain,) = examples_of([user("a"), answer("b"), user("c"), answer("d")], "last", variant="instruct-2507")
    assert trained_text(plain, variant="instruct-2507") == ["d<|im_end|>"]


def test_a_query_in_two_messages_is_one_and_an_opening_line_is_context_where_it_thinks():
    made = examples_of([user("a"), user("b"), answer("c", "t"), user("d"), answer("e", "t")])
    assert [len(example["messages"]) for example in made] == [3, 5]
    made = examples_of([answer("hello", "greet"), user("a"), answer("b", "t"), user("c"), answer("d", "t")])
    assert [trained_text(example) for example in made] == [
        ["<think>\nt\n</think>\n\nb<|im_end|>"], ["<think>\nt\n</think>\n\nd<|im_end|>"]
    ]  # fmt: skip


def test_every_trained_answer_is_trained_once_over_the_examples():
    counted = Counter(text for example in examples_of(THREE) for text in trained_text(example))
    assert set(counted.values()) == {1} and len(counted) == 4


def test_last_assistant_in_split_examples_and_all():
    made = examples_of(THREE, "split", "last-assistant")
    assert [len(trained_text(example, "last-assistant")) for example in made] == [1, 1, 1]
    texts = ["".join(trained_text(example, "all")) for example in examples_of(THREE, "split", "all")]
    assert "q1" in texts[0] and "q1" not in texts[1] and "q2" in texts[1] and "q2" not in texts[2]


@pytest.mark.parametrize("flag", [{"train": False}, {"weight": 0}, {"loss": False}, {"weight": 0.0}])
@pytest.mark.parametrize("layout", ["messages", "sharegpt"])
def test_flags_take_a_turn_out_of_the_loss(flag, layout):
    if layout == "messages":
        row = {"messages": [user("a"), answer("BAD", **flag), user("b"), answer("GOOD", weight=1)]}
    else:
        turns = [("human", "a", {}), ("gpt", "BAD", flag), ("human", "b", {}), ("gpt", "GOOD", {"train": True})]
        row = {"conversations": [{"from": who, "value": text, **more} for who, text, more in turns]}
    (example,) = HYBRID.make_examples(normalize_row(row, layout, {}), "split", "assistant")
    assert trained_text(example) == ["GOOD<|im_end|>"]
    assert "BAD" not in "".join(trained_text(example, "all"))


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"train": "false"}, "`train` of a message is true or false, not 'false'"),
        ({"train": 0}, "`train` of a message is true or false"),
        ({"weight": 0.5}, "`weight` of a message is 0 or 1, not 0.5"),
        ({"weight": True}, "`weight` of a message is 0 or 1"),
        ({"loss": [1]}, "`loss` of a message is true or false"),
        ({"train": True, "weight": 0}, "contradict each other"),
    ],
)
def test_flags_of_a_wrong_type_are_errors(flags, why):
    with pytest.raises(BadRowError, match=why):
        normalize_row({"messages": [user("a"), answer("b", **flags)]}, "messages", {})


def test_no_flag_and_null_say_nothing():
    assert read_train_flag({"train": None, "weight": None}) is None


def test_a_row_without_any_loss_and_pairs_with_flags():
    with pytest.raises(BadRowError, match="no turn carries loss"):
        examples_of([user("a"), answer("b", train=False)])
    pair = {"prompt": "q", "chosen": [answer("a", weight=0)], "rejected": "b"}
    with pytest.raises(BadRowError, match="takes the answer in `chosen` out of the loss"):
        normalize_row(pair, "preference", {})


def test_what_stands_beside_pairs_is_read():
    tools, talk = [{"type": "function", "function": {"name": "f"}}], [user("q")]
    row = {"tools": tools, "system": "s", "chosen": [*talk, answer("a")], "rejected": [*talk, answer("b")]}
    prompt = normalize_row(row, "preference", {})["prompt"]
    assert prompt[0]["role"] == "system" and prompt[0]["content"].startswith("s\n\n# Tools")
    steps = [user("q"), answer("step"), user("go on")]
    row = {"prompt": "q", "chosen": [*steps, answer("a")], "rejected": [*steps, answer("b")]}
    assert [m["content"] for m in normalize_row(row, "preference", {})["prompt"]] == ["q", "step", "go on"]


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ([user("DIFFERENT"), answer("a")], "b"),
        ([user("q"), answer("one way"), user("go on"), answer("a")],
         [user("q"), answer("another"), user("go on"), answer("b")]),
    ],
)  # fmt: skip
def test_turns_of_one_answer_alone_are_said(chosen, rejected):
    with pytest.raises(BadRowError, match="different prompts"):
        normalize_row({"prompt": "q", "chosen": chosen, "rejected": rejected}, "preference", {})


def test_keys_that_nothing_reads():
    row = {"messages": [user("a"), answer("b", audio_id="f", loss_scale=2)], "images": ["x"], "id": 3, "tools": None}
    found = find_unread_keys(row, "messages", {})
    assert found == ["images", "id", "messages[].audio_id", "messages[].loss_scale"]
    assert [key for key in found if is_training_key(key)] == ["images", "messages[].loss_scale"]
    assert find_unread_keys({"talk": [user("a")]}, "messages", {"messages": "talk"}) == []


def test_nulls_of_structs_are_dropped_below_the_columns():
    row = {"a": None, "tools": [{"f": {"x": {"type": "string", "enum": None}, "y": None}}]}
    assert drop_struct_nulls(row) == {"a": None, "tools": [{"f": {"x": {"type": "string"}}}]}


def test_nulls_that_parquet_adds_do_not_reach_the_text(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    from qwen_recipes.data.rows.prepare import read_normalized_rows
    from qwen_recipes.data.rows.row_reader import read_raw_rows, split_file

    rows = [
        {"messages": [user("a"), answer("", tool_calls=[{"function": {"name": "f", "arguments": {name: 1}}}])]}
        for name in ("x", "y")
    ]
    file = tmp_path / "r.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    texts = [row["messages"][1]["content"] for _, _, row, _ in read_normalized_rows({**SOURCE, "path": str(file)})]
    assert [text.splitlines()[1] for text in texts] == [
        '{"name": "f", "arguments": {"x": 1}}', '{"name": "f", "arguments": {"y": 1}}'
    ]  # fmt: skip
    assert "null" not in json.dumps([r.row["messages"][1]["tool_calls"] for p in split_file(file)
                                     for r in read_raw_rows(p)])  # fmt: skip
    file.write_bytes(file.read_bytes()[:60])
    ((_, _, row, why),) = read_normalized_rows({**SOURCE, "path": str(file)})
    assert row is None and "Parquet" in why


def test_a_share_is_held_out_before_weights_repeat_rows(prepare):
    items = [said(str(n)) for n in range(20)] + [said("0")]

    made, report = prepare(items, validation_share=0.2, weight=3)
    train, held = ([r["messages"][1]["content"] for r in made[s]] for s in ("train", "validation"))
    assert not set(train) & set(held) and len(held) == len(set(held)) == 4
    assert set(train) | set(held) == {str(n) for n in range(20)}
    assert report["counts"]["validation"] == 4 and len(train) >= 3 * 16


def test_a_conversation_is_on_one_side_and_counted(prepare):
    talks = [{"messages": [user(f"q{n}"), answer("a", "t"), user("more"), answer(f"b{n}", "t")]} for n in range(10)]
    made, report = prepare(talks, validation_share=0.2, turns="split", sequence_length=100, shape="marked-messages")
    names = {s: {r["messages"][0]["content"] for r in made[s]} for s in ("train", "validation")}
    assert len(names["train"]) == 8 and len(names["validation"]) == 2 and not names["train"] & names["validation"]
    assert report["split"] == {"conversations": 10, "examples": 20}
    assert (report["counts"]["train"], report["counts"]["validation"]) == (16, 4)


def test_one_long_example_of_a_conversation_is_left_out_alone(prepare):
    talk = {"messages": [user("q"), answer("a", "t"), user("long " * 50), answer("b", "t")]}
    made, report = prepare([talk], turns="split", sequence_length=20)
    assert len(made["train"]) == 1
    assert report["left_out"][0]["example"] == 2 and report["counts"]["overlong"] == 1


@pytest.mark.parametrize("decoys", [("rows.py", "json.py", "prepare.py", "importlib.py"), ("rows/__init__.py",)])
def test_the_program_is_run_by_its_path_whatever_lies_in_the_recipes_folder(tmp_path, decoys):
    for name in decoys:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('replaced')", "utf-8")
    spec = tmp_path / "rows.spec"
    sources = {"train": [{**SOURCE, "path": "nowhere.jsonl"}], "validation": []}
    spec.write_text(json.dumps({**sources, "out": str(tmp_path / "made")}), "utf-8")
    program = ROOT / "qwen_recipes" / "data" / "rows" / "__main__.py"
    for extra in ({}, {"PYTHONPATH": "."}):
        if extra and "importlib.py" in decoys:
            continue  # Python itself imports it first
        done = subprocess.run([sys.executable, str(program), str(spec)], cwd=tmp_path, capture_output=True, text=True,
                              check=False, env={"PATH": "/usr/bin:/bin", **extra})  # fmt: skip
        assert done.stderr == "rows: nowhere.jsonl does not exist\n"


@pytest.mark.parametrize(
    ("source", "output", "how"),
    [
        ("rows.jsonl", ".", "above"),
        ("rows/train.jsonl", "rows", "above"),
        ("rows/train.jsonl", "rows/train.jsonl", "is the source"),
        ("data", "data/out", "lies in"),
        ("data/a.jsonl", "runs/a", None),
        ("data", "data2", None),
    ],
)
def test_outputs_at_or_above_a_source(tmp_path, source, output, how):
    (tmp_path / "data").mkdir()
    found = find_overlap(tmp_path / source, tmp_path / output)
    assert (how is None) == (found is None) and (how or "") in (found or "")


def test_the_program_writes_nothing_over_a_source(tmp_path):
    (tmp_path / "rows").mkdir()
    data = tmp_path / "rows" / "train.jsonl"
    data.write_text(json.dumps(said("a")) + "\n", "utf-8")
    source = {**SOURCE, "path": "rows/train.jsonl"}
    spec = {"train": [source], "validation": [], "output_dir": ".", "out": "./rows"}
    (tmp_path / "spec.json").write_text(json.dumps(spec), "utf-8")
    program = ROOT / "qwen_recipes" / "data" / "rows" / "__main__.py"
    before = data.read_bytes()
    done = subprocess.run(
        [sys.executable, str(program), "spec.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "the run would write over it" in done.stderr
    assert data.read_bytes() == before and list((tmp_path / "rows").iterdir()) == [data]
