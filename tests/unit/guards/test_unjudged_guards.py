"""Native configs of models that are not known: which guards could not look."""

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main

CONFIG = {
    "model_type": "qwen3", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 128, "vocab_size": 1000,
    "max_position_embeddings": 512,
}  # fmt: skip
NATIVE = """base_model: {model}
adapter: lora
lora_r: 8
datasets: [{{path: a.jsonl, type: chat_template}}]
sequence_len: 4096
"""


def lint(tmp_path, model):
    file = tmp_path / "train.yaml"
    file.write_text(NATIVE.format(model=model))
    return CliRunner().invoke(main, ["lint", str(file), "--select", "QR310"])


@pytest.mark.parametrize("model", ["me/unknown", "meta-llama/Llama-3.1-8B"])
def test_lint_says_which_guards_could_not_look(tmp_path, empty_hub_cache, model):
    said = lint(tmp_path, model).stderr
    assert "not judged: 6 guards (QR201, QR301, QR303, QR304, QR310, QR401), model not recognised" in said
    assert "1 file checked, no problems found by the other guards" in said


def test_a_release_is_judged_whole(tmp_path, empty_hub_cache):
    said = lint(tmp_path, "unsloth/Qwen3-8B").stderr
    assert "not judged" not in said and "1 file checked, no problems\n" in said


def test_a_folder_s_own_facts_are_judged(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(CONFIG))
    made = lint(tmp_path, tmp_path / "model")
    assert "4,096 tokens exceed the 512 positions" in made.stdout and "not judged" not in made.stderr
