"""The recipe of a run that writes to a folder, found by the recipes beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_recipes.guards.lint import lint_text
from qwen_recipes.qwen import earlier_run
from qwen_recipes.qwen.earlier_run import find_earlier_run
from qwen_recipes.qwen.models import ModelFolderError, get_model_facts

HEAD = "version: 1\nname: tiny\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


@pytest.fixture
def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The file of each call that expands a recipe's text."""
    calls: list[str] = []
    load = earlier_run.load_recipes_text
    monkeypatch.setattr(earlier_run, "load_recipes_text", lambda *words: calls.append(words[1]) or load(*words))
    earlier_run._parse_recipes_once.cache_clear()
    return calls


def test_a_pipeline_is_expanded_once_for_all_its_stages(tmp_path: Path, count_reads: list[str]) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(HEAD + "stages: [{name: a}, {name: b}, {name: c}, {name: d}]\n", "utf-8")
    lint_text(file.read_bytes(), str(file), tmp_path)
    assert count_reads == [str(file)]


def test_a_changed_file_a_base_and_a_variable_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_model() -> str:
        found = find_earlier_run(tmp_path / "runs/tiny", tmp_path)
        assert found is not None
        return found.model

    file, base = tmp_path / "tiny.yaml", tmp_path / "base.yml"
    file.write_text(HEAD, "utf-8")
    assert find_model() == "Qwen/Qwen3-4B"
    file.write_text(HEAD.replace("4B", "8B"), "utf-8")
    assert find_model() == "Qwen/Qwen3-8B"
    file.write_text(HEAD.replace("Qwen/Qwen3-4B", "'${env:PLACE}/model'"), "utf-8")
    for place in ("/one", "/two"):
        monkeypatch.setenv("PLACE", place)
        assert find_model() == f"{place}/model"
    file.write_text("extends: base.yml\nname: tiny\n", "utf-8")
    for size in ("14B", "32B"):
        base.write_text(HEAD.replace("4B", size).replace("name: tiny\n", "name: base\n"), "utf-8")
        assert find_model() == f"Qwen/Qwen3-{size}"


def test_a_checkpoint_of_an_earlier_run_has_its_model(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(HEAD + "method: full\n", "utf-8")
    found = get_model_facts("runs/tiny/checkpoint-100", tmp_path)
    assert (found.origin, found.layers) == ("run", get_model_facts("Qwen/Qwen3-4B").layers)
    (tmp_path / "tiny.yaml").write_text(HEAD + "method: lora\n", "utf-8")
    with pytest.raises(ModelFolderError, match="start_from: runs/tiny/checkpoint-100"):
        get_model_facts("runs/tiny/checkpoint-100", tmp_path)


def test_a_recipe_that_starts_from_its_own_output_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(HEAD.replace("Qwen/Qwen3-4B", "runs/tiny"), "utf-8")
    with pytest.raises(ModelFolderError, match="names its own output folder as its model; model: the one"):
        get_model_facts("runs/tiny", tmp_path)
