"""Merging whole models: what mergekit is told, and what is refused before it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.export.merge_models import ModelMerge, build_mergekit_config, find_model_problems
from qwen_recipes.recipe.composition.merge_options import MODEL_METHODS
from tests.unit.cli.run_command import run

CONFIG = {
    "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 151936, "dtype": "bfloat16",
    "tie_word_embeddings": True,
}  # fmt: skip
NO_WEIGHTS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"


def write_model(folder: Path, **changes: Any) -> Path:
    """A model's folder without weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}), "utf-8")
    (folder / "model.safetensors").write_bytes(NO_WEIGHTS)
    return folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two models of one shape."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path / "envs"))
    return write_model(tmp_path / "a"), write_model(tmp_path / "b")


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_mergekit_is_never_told_a_tokenizer_source(method: str, models: tuple[Path, Path], tmp_path: Path) -> None:
    job = ModelMerge(tuple((model, 0.5) for model in models), method, tmp_path / "o", base="Qwen/Qwen3-0.6B")
    config = build_mergekit_config(job)
    assert (config["merge_method"], config["dtype"]) == (method, "bfloat16")
    assert not {"tokenizer_source", "tokenizer"} & set(config)
    assert [one["model"] for one in config["models"]] == [str(model) for model in models]


def test_weights_density_and_base_reach_mergekit(models: tuple[Path, Path], tmp_path: Path) -> None:
    job = ModelMerge(((models[0], 0.7), (models[1], 0.3)), "ties", tmp_path / "o", str(models[1]), 0.25)
    config = build_mergekit_config(job)
    assert [one["parameters"] for one in config["models"]] == [
        {"weight": 0.7, "density": 0.25}, {"weight": 0.3, "density": 0.25},
    ]  # fmt: skip
    assert config["base_model"] == str(models[1]) and config["parameters"]["normalize"] is True
    slerp = build_mergekit_config(ModelMerge(((models[0], 3.0), (models[1], 1.0)), "slerp", tmp_path / "o"))
    assert (slerp["parameters"], slerp["base_model"]) == ({"t": 0.25}, str(models[0]))


def test_experts_are_counted_in_the_words_of_every_transformers(models: tuple[Path, Path], tmp_path: Path) -> None:
    """transformers 4.57 writes num_experts, 5 writes num_local_experts."""
    kinds = {"old": {"num_experts": 4}, "new": {"num_local_experts": 4}, "more": {"num_local_experts": 8}}
    old, new, more = (write_model(tmp_path / name, **keys) for name, keys in kinds.items())
    assert not find_model_problems(ModelMerge(((old, 0.5), (new, 0.5)), "linear", tmp_path / "o"))
    (found,) = find_model_problems(ModelMerge(((old, 0.5), (more, 0.5)), "linear", tmp_path / "o"))
    assert "num_experts" in found


def test_models_that_do_not_belong_together_are_refused_with_every_reason(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write_model(tmp_path / "c", hidden_size=128, vocab_size=151669)
    found = find_model_problems(ModelMerge(((models[0], 1), (models[1], 1), (other, 1)), "slerp", tmp_path / "o"))
    assert found == [
        "slerp merges two models, not 3",
        f"{other} has hidden_size 128, {models[0]} has 64",
        f"{other} has vocab_size 151669, {models[0]} has 151936",
    ]
    for method, weights in (("slerp", (1, -1)), ("linear", (0.5, -0.5))):
        pairs = tuple(zip(models, weights, strict=True))
        assert any("which is 0" in line for line in find_model_problems(ModelMerge(pairs, method, tmp_path / "o")))
    (without,) = find_model_problems(ModelMerge(((models[0], 1), (models[1], 1)), "ties", tmp_path / "o"))
    assert "name it with --base" in without


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("a", "b"), 4, "whose environment is missing: run `recipes env create mergekit`"),
        (("a", "b", "--environment", "env"), 4, "env has no bin/mergekit-yaml"),
        (("a", "b", "--combine", "cat"), 2, "--combine cat is for adapters"),
        (("a", "b", "--combine", "svd", "--rank", "8"), 2, "are for adapters, not models"),
        (("a", "b", "--density", "0.5"), 2, "--density applies to --combine ties"),
        (("a", "b", "--base", "b"), 2, "--base applies to --combine task_arithmetic"),
        (("a", "b", "--weight", "1"), 2, "2 folders, but 1 --weight"),
        (("a", "b", "--weight", "nan", "--weight", "1"), 2, "take finite numbers"),
        (("a", "b", "--combine", "ties", "--base", "b", "--density", "nan"), 2, "take finite numbers"),
        (("a", "adapter"), 2, "adapter holds no whole model"),
        (("a",), 1, "a has no adapter"),
        (("adapter", "--combine", "task_arithmetic", "--base", "b"), 2, "whole models; one folder was given"),
        (
            ("adapter", "adapter", "--combine", "slerp"),
            2,
            "--combine slerp merges two or more whole models; these folders hold adapters",
        ),
    ],
)
def test_what_cannot_be_merged_is_said_and_nothing_is_written(
    arguments: tuple[str, ...], code: int, says: str, models: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text('{"r": 8}', "utf-8")
    (tmp_path / "adapter/adapter_model.safetensors").write_bytes(NO_WEIGHTS)
    before = sorted(tmp_path.rglob("*"))
    done = run("merge", *arguments, "-o", "merged")
    assert (done.exit_code, says in done.stderr) == (code, True), done.stderr
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("shards", "command"),
    [
        ("pytorch_model_fsdp_0", "accelerate merge-weights full/pytorch_model_fsdp_0 OUTPUT"),
        ("global_step5", "python full/zero_to_fp32.py full OUTPUT --safe_serialization"),
    ],
)
def test_shards_of_a_whole_model_are_refused_with_the_command_that_gathers_them(
    shards: str, command: str, models: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "full" / shards).mkdir(parents=True)
    done = run("merge", "full", "-o", "merged")
    assert done.exit_code == 1 and f"gather them with: {command}" in done.stderr, done.stderr
