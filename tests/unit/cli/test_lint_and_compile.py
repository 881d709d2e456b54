"""`lint --backend X` refuses what `compile --backend X` refuses."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main

GOOD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: a.jsonl}\nhardware: {gpu: a100-80gb, gpus: 1}\n"
REFUSED = {
    "an extra that contradicts": ("axolotl", "backends: {axolotl: {extra: {learning_rate: 1}}}\n"),
    "an extra of a wrong type": ("axolotl", "backends: {axolotl: {extra: {flash_attention: [1]}}}\n"),
    "an extra that is a field": ("llamafactory", "backends: {llamafactory: {extra: {cutoff_len: 7}}}\n"),
    "an extra that nothing reads": ("ms-swift", "backends: {ms-swift: {extra: {no_such_key: 7}}}\n"),
    "a field without effect": ("llamafactory", "quantization: {bits: 8, storage: bf16}\n"),
    "a field of another objective": ("axolotl", "objective: {type: sft, beta: 0.3}\n"),
    "a template that does not exist": ("axolotl", "chat: {template: absent.jinja}\n"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("how", ["option", "recipe"])
def test_both_refuse_it(tmp_path, monkeypatch, name, how):
    backend, more = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.recipe.yaml").write_text(GOOD + more + (f"run: {{backend: {backend}}}\n" if how == "recipe" else ""))
    named = ["--backend", backend] if how == "option" else []
    compiled = CliRunner().invoke(main, ["compile", "r.recipe.yaml", *named])
    linted = CliRunner().invoke(main, ["lint", "r.recipe.yaml", *named])
    assert compiled.exit_code == linted.exit_code == 1, linted.output + compiled.output
    places = {line.split(" ")[0] for line in compiled.output.splitlines() if line.startswith("r.recipe.yaml:")}
    assert places and all(place in linted.output for place in places)
    assert not (tmp_path / "compiled").exists()


def test_what_compiles_is_clean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.recipe.yaml").write_text(GOOD)
    for backend in ("axolotl", "llamafactory", "ms-swift", "all"):
        assert CliRunner().invoke(main, ["lint", "r.recipe.yaml", "--backend", backend]).exit_code == 0
        assert CliRunner().invoke(main, ["compile", "r.recipe.yaml", "--backend", backend]).exit_code == 0
