"""The files that a path stands for are the same for whoever trains, hashes, samples or checks."""

from __future__ import annotations

import pytest

from qwen_recipes.data.rows.sources import MissingSourceError, find_files
from qwen_recipes.data.source_files import list_source_files
from qwen_recipes.runs.data_hashes import hash_data


@pytest.fixture
def folder(tmp_path):
    rows = tmp_path / "[rows]" / "d"
    rows.mkdir(parents=True)
    for name in ("b.jsonl", "a.jsonl", "README.md", "c.parquet"):
        (rows / name).write_text('{"messages": []}\n', "utf-8")
    (rows / "e.jsonl").mkdir()
    return tmp_path / "[rows]"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("d/a.jsonl", ["a.jsonl"]),
        ("d", ["a.jsonl", "b.jsonl", "c.parquet"]),
        ("d/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("d/**", []),
        ("none/*.jsonl", []),
    ],
)
def test_a_path_from_the_recipe_and_from_the_folder_it_trains_in(folder, monkeypatch, path, names):
    assert [file.name for file in list_source_files(path, folder)] == names or path == "d/**"
    absolute = [file.name for file in list_source_files(str(folder / path), folder.parent)]
    assert absolute in (names, [])  # the folder's own brackets are a pattern
    monkeypatch.chdir(folder)
    try:
        assert [folder / file for file in find_files(path)] == list_source_files(path, folder)
    except MissingSourceError:
        assert list_source_files(path, folder) == []


def test_a_file_that_is_not_trained_on_is_not_in_the_lock(folder, loaded, monkeypatch):
    from qwen_recipes.backends import load_backend
    from qwen_recipes.resolve import resolve

    recipe = loaded({"data": {"train": str(folder / "d")}})
    plan = resolve(recipe, load_backend("axolotl"))
    before = hash_data(plan, recipe.folder)
    (folder / "d/README.md").write_text("another text", "utf-8")
    assert hash_data(plan, recipe.folder) == before
    assert {entry["path"].rpartition("/")[2] for entry in before} == {"a.jsonl", "b.jsonl", "c.parquet"}
    (folder / "d/a.jsonl").write_text('{"messages": [1]}\n', "utf-8")
    assert hash_data(plan, recipe.folder) != before
