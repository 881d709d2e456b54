"""Lengths in a lock are those of the files that were measured: of others, or changed ones, they say nothing."""

from __future__ import annotations

import json

import pytest

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
