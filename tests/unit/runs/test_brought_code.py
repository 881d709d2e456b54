"""What inspects a recipe runs nothing that it brings: the Python of `run.environment`, reward functions."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.environments.environment import UNKNOWN_VERSION, MissingEnvironmentError, read_environment_in
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import BackendRecipe
from qwen_recipes.verify.brought_code import list_brought_code

RECIPE = """version: 1
model: Qwen/Qwen3-0.6B
data: {train: rows.jsonl}
training: {packing: false}
hardware: {device: cpu}
run: {backend: llamafactory, environment: brought}
"""


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """A folder with a recipe and an environment whose Python leaves a mark where it is run."""
    packages = tmp_path / "brought/lib/python3.11/site-packages"
    (packages / "llamafactory-0.9.5.dist-info").mkdir(parents=True)
    (packages / "llamafactory-0.9.5.dist-info/METADATA").write_text("Name: llamafactory\nVersion: 0.9.5\n", "utf-8")
    for module in ("liger_kernel", "bitsandbytes"):
        (packages / module).mkdir()
    python = tmp_path / "brought/bin/python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\necho ran >> {tmp_path / 'ran'}\nexit 1\n", "utf-8")
    python.chmod(0o755)
    row = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
    (tmp_path / "rows.jsonl").write_text(row * 4, "utf-8")
    (tmp_path / "r.yaml").write_text(RECIPE, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_environment_is_known_from_its_files(brought):
    found = read_environment_in(load_backend("llamafactory"), brought / "brought", "cpu")
    assert (found.version, found.python) == ("0.9.5", "3.11")
    assert read_environment_in(load_backend("axolotl"), brought / "brought", "cpu").version == UNKNOWN_VERSION
    with pytest.raises(MissingEnvironmentError):
        read_environment_in(load_backend("axolotl"), brought / "nothing", "cpu")


def test_guards_speak_of_the_version_that_is_installed(brought):
    metadata = brought / "brought/lib/python3.11/site-packages/llamafactory-0.9.5.dist-info/METADATA"
    metadata.write_text("Name: llamafactory\nVersion: 0.9.2\n", "utf-8")
    refused = CliRunner().invoke(main, ["run", "--dry-run", "r.yaml"])
    assert refused.exit_code == 4 and "error[QR701]: LLaMA-Factory 0.9.2 is older than Qwen3" in refused.output
    allowed = CliRunner().invoke(main, ["run", "--dry-run", "r.yaml", "--set", "allow.QR701=our own patches"])
    assert allowed.exit_code == 0 and "QR701" not in allowed.output
    metadata.write_text("Name: llamafactory\nVersion: 0.9.4\n", "utf-8")
    assert CliRunner().invoke(main, ["run", "--dry-run", "r.yaml"]).exit_code == 0


def test_a_dry_run_and_verify_run_nothing_of_it(brought):
    dry = CliRunner().invoke(main, ["run", "--dry-run", "r.yaml"])
    assert (dry.exit_code, "LLaMA-Factory 0.9.5" in dry.output) == (0, True), dry.output
    for arguments in (["verify", "r.yaml"], ["verify", "r.yaml", "--trainer"], ["lint", "r.yaml"], ["doctor"]):
        result = CliRunner().invoke(main, arguments)
        if arguments[0] == "verify":
            assert result.exit_code == 2
            assert "the environment brought (run.environment)" in result.output and "--trust-recipe" in result.output
    assert not (brought / "ran").exists()


def test_with_consent_it_is_run(brought):
    pytest.importorskip("tokenizers")
    assert CliRunner().invoke(main, ["verify", "r.yaml", "--trust-recipe"]).exit_code == 4
    assert (brought / "ran").exists()


def test_reward_functions_want_consent(brought):
    (brought / "rewards.py").write_text("open('ran', 'w')\ndef f(completions): return []\n", "utf-8")
    recipe = RECIPE.replace(", environment: brought", "") + "objective: {type: grpo, rewards: [rewards.py:f]}\n"
    (brought / "g.yaml").write_text(recipe, "utf-8")
    result = CliRunner().invoke(main, ["verify", "g.yaml", "--trainer"])
    assert result.exit_code in (1, 2)
    assert "rewards.py" in result.output
    assert not (brought / "ran").exists()


MODEL = {
    **{"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 151936},
    **{"max_position_embeddings": 4096, "tie_word_embeddings": True},
}
NATIVE_KEYS = {
    "ms-swift": "{load_args: true}",
    "axolotl": "{plugins: [evil.Plugin]}",
    "llamafactory": "{trust_remote_code: true}",
    "trl": "{trust_remote_code: true}",
}


@pytest.mark.parametrize("backend", NATIVE_KEYS)
def test_native_keys_that_may_name_code_want_consent(brought, backend):
    (brought / "evil.py").write_text("open('ran', 'w')\n", "utf-8")
    recipe = RECIPE.replace(", environment: brought", "").replace("llamafactory", backend)
    (brought / "e.yaml").write_text(f"{recipe}backends: {{{backend}: {{extra: {NATIVE_KEYS[backend]}}}}}\n", "utf-8")
    result = CliRunner().invoke(main, ["verify", "e.yaml"])
    assert result.exit_code == 2 and f"(backends.{backend}.extra)" in result.output, result.output
    assert not (brought / "ran").exists()


def test_a_recipe_without_native_keys_wants_none(brought):
    loaded = load_recipe_text(RECIPE.replace(", environment: brought", ""), "n.yaml", brought)
    assert list_brought_code(BackendRecipe(loaded, load_backend("llamafactory"))) == []


@pytest.mark.parametrize("settings", ['{"auto_map": {"AutoConfig": "evil.C"}}', '{"auto_map": 1, "x": '])
def test_a_models_own_python_wants_consent(brought, settings):
    (brought / "mine").mkdir()
    (brought / "mine/config.json").write_text(json.dumps(MODEL), "utf-8")
    (brought / "mine/preprocessor_config.json").write_text(settings, "utf-8")
    recipe = RECIPE.replace(", environment: brought", "").replace("Qwen/Qwen3-0.6B", "mine")
    (brought / "m.yaml").write_text(recipe, "utf-8")
    result = CliRunner().invoke(main, ["verify", "m.yaml"])
    assert result.exit_code == 2 and "the Python that preprocessor_config.json in mine names" in result.output
