"""The recipe's own first rows, in the shape that they have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.data.rows.sources import MissingSourceError
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.row_sample import RowSample, read_source
from qwen_recipes.verify.trainer_probe.first_rows import copy_first_rows


@pytest.fixture
def data(tmp_path):
    text = (
        "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata:\n  train: [{path: rows.jsonl, weight: 2}]\n  validation: [v.json]\n"
    )
    return resolve(load_recipe_text(text, "r.yaml", tmp_path), load_backend("axolotl")).data


def test_the_first_rows_of_each_source_are_copied(tmp_path, data):
    (tmp_path / "rows.jsonl").write_text('{"a": "ä"}\nbroken\n{"a": 2}\n{"a": 3}\n', "utf-8")
    (tmp_path / "v.json").write_text('[{"v": 1}, {"v": 2}, {"v": 3}]', "utf-8")
    found = copy_first_rows(data, tmp_path, tmp_path / "copies", 2)
    sources = {"train": found.train[0], "validation": found.validation[0]}
    lines = {name: Path(one.path).read_text("utf-8").splitlines() for name, one in sources.items()}
    rows = {name: [json.loads(line) for line in found] for name, found in lines.items()}
    assert rows == {"train": [{"a": "ä"}, {"a": 2}], "validation": [{"v": 1}, {"v": 2}]}
    assert replace(found.train[0], path="rows.jsonl") == data.train[0]


def test_a_missing_source_is_named(tmp_path, data):
    with pytest.raises(MissingSourceError, match=r"rows\.jsonl"):
        copy_first_rows(data, tmp_path, tmp_path / "copies", 2)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Two rows of `me/rows` on a hub, which the cache has: the client of this process reads no other address."""
    commit, cache = "a" * 40, tmp_path / "cache"
    rows = cache / "datasets--me--rows"
    (rows / "snapshots" / commit).mkdir(parents=True)
    (rows / "refs").mkdir()
    (rows / "refs/main").write_text(commit)
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (rows / "snapshots" / commit / "train.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 2)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return rows


def test_rows_on_the_hub_are_copied_too(tmp_path, data, hub):
    pytest.importorskip("huggingface_hub")
    source = replace(data.train[0], path=None, hub="me/rows", split="train")
    found = copy_first_rows(replace(data, train=(source,), validation=()), tmp_path, tmp_path / "copies", 5).train[0]
    assert found.hub is None and found.split is None
    assert len(Path(found.path).read_text("utf-8").splitlines()) == 2
    sample = RowSample()
    read = list(read_source(source, tmp_path, sample, "json"))
    assert [line for _, line, _ in read] == [1, 2] and sample.bad == 0 and read[0][2]["messages"]
    assert len(list(read_source(source, tmp_path, sample, "json", 1))) == 1


def test_rows_that_the_hub_does_not_give_are_a_missing_source(tmp_path, data, hub):
    pytest.importorskip("huggingface_hub")
    source = replace(data.train[0], path=None, hub="me/none", split="train")
    with pytest.raises(MissingSourceError, match="me/none is not in the local cache"):
        copy_first_rows(replace(data, train=(source,)), tmp_path, tmp_path / "copies", 2)
    with pytest.raises(MissingSourceError, match="me/none is not in the local cache"):
        list(read_source(source, tmp_path, RowSample(), "json"))
