"""`recipes data prepare`: what is read is what is written and what was left out, and each wish does what it says."""

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen_recipes.cli import main
from qwen_recipes.data.preparation.convert_row import ConversationOptions, convert_row, extract_reasoning
from qwen_recipes.data.preparation.pipeline import (
    DataPreparation,
    InputFile,
    OutputPaths,
    PreparationError,
    PreparationOptions,
)
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.row_reader import read_file_rows

pytest.importorskip("numpy")

ALL = ConversationOptions(split_turns=True, strip=True, history_reasoning="strip")


def user(content="q"):
    return {"role": "user", "content": content}


def said(content="a", **more):
    return {"role": "assistant", "content": content, **more}


def made(row, layout="messages", wishes=None, **columns):
    return list(convert_row(row, layout, columns, wishes or ConversationOptions()))


def prepare(folder, rows, order, layout="messages"):
    """The two outputs' rows and the manifest."""
    file, outputs = folder / "in.jsonl", OutputPaths(folder / "out.jsonl", folder / "held.jsonl", folder / "m.json")
    file.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in rows), "utf-8")
    before = file.read_bytes()
    manifest = DataPreparation([InputFile(str(file), layout, {})], order).run(outputs)
    assert file.read_bytes() == before
    assert json.loads(outputs.manifest.read_text("utf-8")) == json.loads(json.dumps(manifest))
    written = [_read(path) for path in (outputs.train, outputs.validation)]
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
    return *written, manifest


def _read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_turns_become_examples():
    call, result = said("", tool_calls=[{"function": {"name": "f", "arguments": {}}}]), {"role": "tool", "content": "r"}
    row = {"id": 7, "tools": [], "messages": [user(), said(), user("q2"), call, result, said("b"), user("left over")]}
    first, second = made(row, wishes=ALL)
    assert first == {"id": 7, "tools": [], "messages": row["messages"][:2]}
    assert second["messages"] == row["messages"][:6]


def test_reasoning_in_history_goes_and_stays_in_the_last_turn():
    block = "<think>\nr\n</think>\n\na"
    row = {"messages": [user(), said(block), user("q2"), said("b", reasoning_content="s")]}
    first, second = made(row, wishes=ALL)
    assert first["messages"][-1]["content"] == block
    assert [m["content"] for m in second["messages"]] == ["q", "a", "q2", "b"]
    assert (extract_reasoning(first), extract_reasoning(second)) == ("r", "s")


def test_think_blocks_come_and_go():
    row = {"messages": [user(), said("<think>\nr\n</think>\n\na"), user(), said("b", reasoning_content="s")]}
    (gone,) = made(row, wishes=ConversationOptions(think="remove"))
    assert [m for m in gone["messages"] if m["role"] == "assistant"] == [said("a"), said("b")]
    (same,) = made(row, wishes=ConversationOptions(think="add"))
    assert same == row
    (added,) = made({"messages": [user(), said("\na")]}, wishes=ConversationOptions(think="add"))
    assert added["messages"][-1]["content"] == "<think>\n\n</think>\n\na"


def test_every_conversation_layout_becomes_messages():
    sharegpt = {"id": 1, "system": "s", "conversations": [
        {"from": "human", "value": "q"}, {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
        {"from": "observation", "value": "r"}, {"from": "gpt", "value": "a"},
    ]}  # fmt: skip
    (row,) = made(sharegpt, "sharegpt")
    assert set(row) == {"id", "messages"}
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert row["messages"][2]["tool_calls"][0]["function"] == {"name": "f", "arguments": {"x": 1}}
    (row,) = made({"instruction": "i", "input": "x", "output": "o", "id": 2}, "alpaca")
    assert row == {"id": 2, "messages": [user("i\nx"), said("o")]}
    (row,) = made({"question": "q", "completion": "a"}, "prompt-completion", prompt="question")
    assert row == {"messages": [user(), said()]}
    pair = {"prompt": "q", "chosen": "a", "rejected": "b"}
    assert made(pair, "preference") == [pair]


@pytest.mark.parametrize(
    "row", [[], {"messages": []}, {"messages": [user()]}, {"messages": [user(), {"role": "x"}]}, 1]
)
def test_bad_rows(row):
    with pytest.raises(BadRowError):
        made(row)


def test_strip():
    (row,) = made({"messages": [user("cafe\u0301"), said("\r\n\na")]}, wishes=ConversationOptions(strip=True))
    assert row["messages"] == [user("caf\u00e9"), said("a")]


WORDS = st.sampled_from(["a", "b", "c", "the same long text with enough words to be near another one of its kind"])
TURN = st.tuples(WORDS, WORDS, st.booleans())
GOOD = st.lists(TURN, min_size=1, max_size=3).map(
    lambda turns: {
        "user": turns[0][0],
        "messages": [m for q, a, r in turns for m in (user(q), said(f"<think>\nr\n</think>\n\n{a}" if r else a))],
    }
)
BAD = st.sampled_from(["nope\n", "[1]\n", "{}\n", '{"messages": [{"role": "user", "content": "q"}]}\n', "\0\n", '"\n'])
ORDERS = st.builds(
    PreparationOptions,
    wishes=st.builds(ConversationOptions, split_turns=st.booleans(), strip=st.booleans(),
                     history_reasoning=st.sampled_from(["keep", "strip"]),
                     think=st.sampled_from(["keep", "remove", "add"])),
    deduplicate=st.sampled_from(["none", "exact", "near"]),
    reasoning_share=st.sampled_from([None, 0.25, 0.75]),
    validation=st.sampled_from([None, 0.1, 0.5]),
    group_by=st.sampled_from([None, "user"]),
    seed=st.integers(0, 3),
)  # fmt: skip


@given(st.lists(st.one_of(GOOD, BAD), max_size=30), ORDERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_add_up_and_nothing_leaks(tmp_path_factory, rows, order):
    folder = Path(tmp_path_factory.mktemp("made"))
    try:
        train, held, manifest = prepare(folder, rows, order)
    except PreparationError as error:
        assert "no row" in str(error)
        assert [file.name for file in folder.iterdir()] == ["in.jsonl"]
        return
    counts, dropped = manifest["counts"], Counter(entry["fate"] for entry in manifest["dropped"])
    assert counts["read"] == len(rows)
    assert counts["read"] == counts["rows_used"] + counts["bad"]
    left_out = counts["duplicate"] + counts["near_duplicate"] + counts["mixed_out"]
    assert counts["made"] == counts["train"] + counts["validation"] + left_out
    assert (len(train), len(held)) == (counts["train"], counts["validation"])
    assert dropped == {k: v for k, v in ((k, counts[k.replace("-", "_")]) for k in FATES) if v}
    if order.wishes.split_turns is False:
        assert counts["made"] == counts["rows_used"]
    if order.deduplicate != "none":
        texts = [json.dumps(row["messages"]) for row in train + held]
        assert len(texts) == len(set(texts))
    for key in (lambda row: row["messages"][0]["content"], *([lambda row: row["user"]] if order.group_by else [])):
        assert not {key(row) for row in train} & {key(row) for row in held}


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".jsonl.gz", ".csv", ".tsv", ".parquet"])
def test_the_name_of_the_output_says_its_format(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    file, out = tmp_path / "in.jsonl", tmp_path / f"out{suffix}"
    rows = [{"id": str(n), "messages": [user(f"q {n}"), said(f"a; {n}")]} for n in range(4)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    run(file, "-o", out)
    found = [row.row for row in read_file_rows(out)]
    assert [normalize_row(row, "messages", {}) for row in found] == [{"messages": row["messages"]} for row in rows]
    assert [row["id"] for row in found] == [row["id"] for row in rows]
    assert "unknown output format" in run(file, "-o", tmp_path / "out.xlsx", code=2)


def test_a_group_that_no_row_has_and_rows_of_which_none_is_left(tmp_path):
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text(json.dumps({"messages": [user("q"), said("a")]}) + "\n", "utf-8")
    assert "no row has a value there" in run(file, "-o", out, "--group-by", "meta.user", code=1)
    assert "--group-by needs a key" in run(file, "-o", out, "--group-by", "", code=2)
    assert "no example has reasoning" in run(file, "-o", out, "--reasoning-share", "0.5", code=1)
    file.write_text(json.dumps({"messages": [user("q")]}) + "\n", "utf-8")
    assert "no row is left" in run(file, "-o", out, code=1)
    assert list(tmp_path.iterdir()) == [file]


FATES = ("unreadable", "bad", "duplicate", "near-duplicate", "mixed-out")


def test_the_same_seed_gives_the_same_files_and_another_others(tmp_path):
    rows = [{"messages": [user(f"q{n}"), said("<think>\nr\n</think>\n\na" if n % 2 else "a")]} for n in range(60)]
    order = PreparationOptions(reasoning_share=0.75, validation=0.2)
    first = prepare(tmp_path, rows, order)
    assert prepare(tmp_path, rows, order) == first
    assert prepare(tmp_path, rows, PreparationOptions(reasoning_share=0.75, validation=0.2, seed=1))[:2] != first[:2]
    train, held, manifest = first
    assert manifest["counts"]["made"] == 60
    share = sum(bool(extract_reasoning(row)) for row in train + held) / len(train + held)
    assert share == 0.75
    assert len(held) == 8


def test_a_failed_run_leaves_nothing(tmp_path, monkeypatch):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"messages": [user(), said()]}) + "\n")
    monkeypatch.setattr(DataPreparation, "_build_manifest", lambda self, digests: 1 / 0)
    outputs = OutputPaths(tmp_path / "out.jsonl", tmp_path / "held.jsonl", tmp_path / "m.json")
    with pytest.raises(ZeroDivisionError):
        DataPreparation([InputFile(str(file), "messages", {})], PreparationOptions()).run(outputs)
    assert list(tmp_path.iterdir()) == [file]


def run(*words, code=0):
    result = CliRunner().invoke(main, ["data", "prepare", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command(tmp_path):
    file, out = tmp_path / "in.jsonl", tmp_path / "new" / "out.jsonl"
    rows = [{"messages": [user(f"q{n}"), said("<think>\nr\n</think>\n\na")]} for n in range(10)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0], {"x": 1}]))
    told = run(file, "-o", out, "--deduplicate", "exact", "--validation", "0.2", "--think", "auto",
               "--model", "Qwen/Qwen3-4B-Instruct-2507")  # fmt: skip
    assert "12 rows read, 1 invalid; 11 examples" in told
    assert len(_read(out)) == 8
    assert len(_read(out.with_name("out-validation.jsonl"))) == 2
    assert "think" not in out.read_text()
    assert "exists" in run(file, "-o", out, code=2)
    counts = json.loads(run(file, "-o", out, "--force", "--format", "json"))["counts"]
    assert (counts["made"], counts["duplicate"], counts["train"]) == (11, 0, 11)


def test_calls_that_would_harm(tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps({"prompt": "q", "chosen": "a", "rejected": "b"}) + "\n")
    before = file.read_bytes()
    assert "is an input file" in run(file, "-o", file, "--force", code=2)
    assert "can only be deduplicated and split" in run(file, "-o", tmp_path / "out.jsonl", "--split-turns", code=2)
    assert "needs --validation" in run(file, "-o", tmp_path / "o.jsonl", "--validation-output", tmp_path / "v", code=2)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
