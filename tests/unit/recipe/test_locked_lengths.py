"""Lengths in a lock are those of the files that were measured: of others, or changed ones, they say nothing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.recipe.load import load_recipe

ROWS = '{"messages": []}\n'
LENGTHS = {"measured": 2, "longest": 30, "means": [10.0, 30.0]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("rows.jsonl", "other.jsonl"):
        (tmp_path / "data" / name).write_text(ROWS, "utf-8")
    data = [{"split": "train", "path": "data/rows.jsonl", "bytes": len(ROWS), "sha256": "0", "rows": 1}]
    (tmp_path / "a.lock").write_text(json.dumps({"version": 1, "data": data, "lengths": LENGTHS}), "utf-8")
    return tmp_path


def read_lengths(folder, train):
    file = folder / "a.yaml"
    file.write_text(f"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: {train}}}\n", "utf-8")
    return load_recipe(str(file)).lengths


@pytest.mark.parametrize("train", ["data/rows.jsonl", "./data/rows.jsonl", "[data/../data/rows.jsonl]"])
def test_files_that_did_not_change(folder, train):
    found = read_lengths(folder, train)
    assert found is not None and found.longest == 30


def test_an_absolute_path(folder):
    assert read_lengths(folder, folder / "data" / "rows.jsonl") is not None


def test_compiling_without_the_rows_gives_the_same(folder):
    (folder / "data/rows.jsonl").unlink()
    assert read_lengths(folder, "data/rows.jsonl") is not None


def test_a_file_that_changed(folder):
    (folder / "data/rows.jsonl").write_text(ROWS * 2, "utf-8")
    assert read_lengths(folder, "data/rows.jsonl") is None


@pytest.mark.parametrize("train", ["data/other.jsonl", "[data/rows.jsonl, data/other.jsonl]"])
def test_a_file_that_was_not_measured(folder, train):
    assert read_lengths(folder, train) is None


@pytest.mark.parametrize("data", [None, 1, [1], [{"split": "train", "path": 1, "bytes": "x"}]])
def test_a_lock_of_wrong_types(folder, data):
    (folder / "a.lock").write_text(json.dumps({"version": 1, "data": data, "lengths": LENGTHS}), "utf-8")
    assert read_lengths(folder, "data/rows.jsonl") is None


def test_a_lock_has_the_lengths_of_pairs_too(tmp_path):
    """Of the longer answer, with its prompt: what a micro-batch is padded to."""
    pairs = [
        {"prompt": [{"role": "user", "content": "Hi"}], "chosen": answer(words), "rejected": answer(3)}
        for words in (5, 5, 400, 400)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs), "utf-8")
    recipe = tmp_path / "dpo.yaml"
    recipe.write_text(
        "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: pairs.jsonl}\nobjective: dpo\nrun: {backend: trl}\n", "utf-8"
    )
    assert CliRunner().invoke(main, ["lock", str(recipe)]).exit_code == 0
    lengths = json.loads(recipe.with_suffix(".lock").read_text("utf-8"))["lengths"]
    assert (lengths["measured"], lengths["longest"] > 400, lengths["means"][0] < 60) == (4, True, True)
    assert lengths["complete"]
    shown = CliRunner().invoke(main, ["show", str(recipe), "--resolved", "--all"]).output
    assert "in the longer answer of a pair on average" in " ".join(shown.split())


def answer(words: int) -> list[dict[str, str]]:
    """An assistant's turn of so many words."""
    return [{"role": "assistant", "content": "word " * words}]


def test_the_longest_example_counts_where_all_were_measured(tmp_path):
    """And a whole sequence does where only some were, or under KTO, whose KL term joins two examples."""
    (tmp_path / "rows.jsonl").write_text(ROWS, "utf-8")
    data = [{"split": "train", "path": "rows.jsonl", "bytes": len(ROWS), "sha256": "0", "rows": 1}]
    peaks = {}
    for objective, complete in (
        ("sft", True),
        ("sft", False),
        ("dpo", True),
        ("dpo", False),
        ("kto", True),
        ("kto", False),
    ):
        recipe = tmp_path / "r.yaml"
        recipe.write_text(
            "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nmethod: lora\n"
            f"objective: {objective}\nrun: {{backend: llamafactory}}\nhardware: {{gpu: h100, prefer: memory}}\n",
            "utf-8",
        )
        lengths = {"measured": 40, "complete": complete, "longest": 256, "means": [100.0, 250.0]}
        recipe.with_suffix(".lock").write_text(json.dumps({"version": 1, "data": data, "lengths": lengths}), "utf-8")
        made = json.loads(CliRunner().invoke(main, ["plan", str(recipe), "--format", "json"]).stdout)
        peaks[objective, complete] = made[0]["memory_bytes"]["peak"]
    assert peaks["dpo", True] < 0.5 * peaks["dpo", False]
    assert peaks["sft", True] < peaks["sft", False]
    assert peaks["kto", True] == peaks["kto", False]


def test_a_plan_that_does_not_fit_says_where_it_would(tmp_path):
    """The framework whose loss is fused, shorter examples, and that lengths can be measured."""
    recipe = tmp_path / "dpo.yaml"
    recipe.write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nobjective: dpo\n"
        "run: {backend: llamafactory}\nhardware: {gpu: rtx-4090}\n",
        "utf-8",
    )
    row = {"prompt": "Hi", "chosen": "word " * 90, "rejected": "no"}
    (tmp_path / "rows.jsonl").write_text((json.dumps(row) + "\n") * 50, "utf-8")
    said = CliRunner().invoke(main, ["plan", str(recipe)]).stdout
    assert "It fits in Axolotl (" in said and "TRL (" in said and "`--backend axolotl`" in said
    assert "training.sequence_length=" in said
    assert "`recipes lock` measures yours" in said
    assert CliRunner().invoke(main, ["lock", str(recipe)]).exit_code == 0
    assert "rtx-4090  fits" in CliRunner().invoke(main, ["plan", str(recipe)]).stdout
