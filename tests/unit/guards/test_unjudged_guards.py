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
    assert "not checked: 7 guards (QR201, QR218, QR301, QR303, QR304, QR310, QR401), model not recognized" in said
    assert "1 file checked, no problems found in what was checked" in said


def test_a_release_is_judged_whole(tmp_path, empty_hub_cache):
    said = lint(tmp_path, "unsloth/Qwen3-8B").stderr
    assert "not checked: " not in said and "1 file checked, no problems\n" in said


def test_a_folder_s_own_facts_are_judged(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(CONFIG))
    made = lint(tmp_path, tmp_path / "model")
    assert "4,096 tokens exceed the 512 positions" in made.stdout and "not checked: " not in made.stderr


RECIPE = "version: 1\nmodel: {model}\ndata: {{train: rows.jsonl}}\nchat: {{template: {template}}}\n"


def lint_recipe(tmp_path, model="Qwen/Qwen3-0.6B", template="auto", backend="trl"):
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    file = tmp_path / "r.yaml"
    file.write_text(f"{RECIPE.format(model=model, template=template)}run: {{backend: {backend}}}\n")
    return CliRunner().invoke(main, ["lint", str(file)])


def test_a_custom_template_is_said_to_be_beyond_the_guards_of_the_official_ones(tmp_path):
    (tmp_path / "own.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    said = lint_recipe(tmp_path, template="own.jinja").stderr
    assert "r.yaml: not checked: 3 guards (QR307, QR308, QR309), custom chat template" in said
    assert "QR316" in lint_recipe(tmp_path, template="own.jinja", backend="ms-swift").stderr
    assert "not checked: " not in lint_recipe(tmp_path).stderr


def test_a_chat_section_without_a_template_has_the_official_one(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "r.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nchat: {turns: split}\n"
    )
    assert "not checked: " not in CliRunner().invoke(main, ["lint", str(tmp_path / "r.yaml")]).stderr


def test_an_unknown_tokenizer_is_said_to_be_beyond_the_guards_of_qwen_s(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model/tokenizer.json").write_text("{}")
    said = lint_recipe(tmp_path, "./model").stderr
    assert "not checked: 2 guards (QR301, QR312), tokenizer not recognized" in said


def test_an_editor_is_told_too(tmp_path, empty_hub_cache):
    from qwen_recipes.lsp.linted_document import lint_document

    native = lint_document(tmp_path / "train.yaml", NATIVE.format(model="me/unknown"))
    assert native.unjudged.startswith("not checked: 7 guards")
    assert lint_document(tmp_path / "train.yaml", NATIVE.format(model="Qwen/Qwen3-8B")).unjudged == ""


@pytest.mark.parametrize(
    ("script", "file"),
    [
        ("axolotl preprocess a.yaml\naxolotl train a.yaml --num-epochs 2\n", "a.yaml"),
        ("llamafactory-cli train l.yaml learning_rate=1e-4\n", "l.yaml"),
        ("trl grpo --config g.yaml --num_generations 8\n", "g.yaml"),
        ("trl sft --output_dir o --config=s.yml\n", "s.yml"),
    ],
)
def test_a_config_file_that_a_script_passes_is_named_in_place_of_the_guards(tmp_path, empty_hub_cache, script, file):
    (tmp_path / "train.sh").write_text(script)
    shown = CliRunner().invoke(main, ["lint", str(tmp_path / "train.sh")])
    assert f"not checked: {file}, which the script passes: lint that file too\n" in shown.stderr
    assert "model not recognized" not in shown.stderr and shown.exit_code == 0


def test_a_model_beside_a_config_file_is_judged(tmp_path, empty_hub_cache):
    (tmp_path / "train.sh").write_text("trl sft --config g.yaml --model_name_or_path me/unknown\n")
    said = CliRunner().invoke(main, ["lint", str(tmp_path / "train.sh")]).stderr
    assert "model not recognized; not checked: g.yaml" in said
