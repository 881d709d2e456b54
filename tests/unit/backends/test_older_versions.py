"""An older version of each framework: its own keys, its own schema, and a refusal where it can't."""

from __future__ import annotations

import pytest
import yaml
from click.testing import CliRunner

from qwen_recipes.backends import UnknownBackendError, load_backend, load_backend_version
from qwen_recipes.cli import main
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import BACKENDS, ROOT, deep_merge, nest_value

OLDER = {"axolotl": "0.16.1", "llamafactory": "0.9.4", "ms-swift": "3.12.6", "trl": "1.14.1"}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALIDATED = nest_value("data.validation", 0.1)
DPO = nest_value("objective.type", "dpo")
MIXED = deep_merge(DPO, nest_value("objective.sft_weight", 0.5))
SAID = [
    ("axolotl", VALIDATED, {"sdp_attention": True}, {"attn_implementation", "eval_on_start"}),
    ("axolotl", nest_value("training.attention", "flash_attention_2"), {"flash_attention": True},
     {"attn_implementation"}),
    ("axolotl", deep_merge(DPO, nest_value("objective.loss", "ipo")), {"rl": "ipo"}, {"dpo_loss_type"}),
    ("axolotl", DPO, {"rl": "dpo"}, {"dpo_loss_type", "dpo_loss_weights"}),
    ("llamafactory", {}, {"warmup_ratio": 0.05}, {"warmup_steps"}),
    ("llamafactory", {**DPO, "training": {"warmup_ratio": 0.25}}, {"warmup_ratio": 0.25}, {"warmup_steps"}),
    ("ms-swift", {}, {"train_type": "lora"}, {"tuner_type", "disable_ignore_empty_think"}),
    ("ms-swift", nest_value("method.type", "full"), {"train_type": "full"}, {"tuner_type"}),
    ("ms-swift", MIXED, {"loss_type": ["sigmoid"], "rpo_alpha": 0.5}, {"loss_weights"}),
]  # fmt: skip


@pytest.fixture
def compiled(loaded, tmp_path):
    return lambda recipe, name, version: (
        compile_recipe(loaded(recipe), load_backend_version(name, version), tmp_path / "out").files
    )


@pytest.mark.parametrize(("name", "recipe", "there", "gone"), SAID)
def test_keys_follow_the_version(compiled, name, recipe, there, gone):
    older = yaml.safe_load(compiled(recipe, name, OLDER[name])["train.yaml"])
    newest = yaml.safe_load(compiled(recipe, name, None)["train.yaml"])
    assert there.items() <= older.items()
    assert not gone & set(older)
    assert {**newest, **there} != newest or gone & set(newest), (
        "the newest version says the same: this row tests nothing"
    )


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_in_the_older_schema_or_refused_by_field(example, name, tmp_path):
    """Compiling holds the config against the schema of its version; a template at fault would be InvalidOutputError."""
    try:
        compile_recipe(load_recipe(str(example)), load_backend_version(name, OLDER[name]), tmp_path)
    except RecipeError as error:
        assert all(f.span.line > 0 for f in error.findings if f.severity == "error")


def test_the_launcher_follows_the_version(compiled):
    assert "swift sft --config " in compiled({}, "ms-swift", "3.12.6")["run.sh"]
    assert "--config" not in compiled({}, "ms-swift", "4.6.0")["run.sh"]


@pytest.mark.parametrize("name", BACKENDS)
def test_the_header_says_the_version(compiled, name):
    files = compiled({}, name, OLDER[name])
    assert f"for {load_backend(name).title} {OLDER[name]}\n" in files["train.yaml"]


REFUSED = [
    ("axolotl", deep_merge(DPO, nest_value("objective.loss", "hinge")), "objective.loss", "Axolotl 0.21.0"),
    ("axolotl", nest_value("objective.type", "kto"), "objective.type", "Axolotl 0.21.0"),
    ("axolotl", MIXED, "objective.sft_weight", "Axolotl 0.21.0"),
    ("llamafactory", nest_value("training.packing", True), "training.packing", "LLaMA-Factory 0.9.5"),
    ("ms-swift", nest_value("objective.kl_weight", 0.05), "objective.kl_weight", "ms-swift 4.6.0"),
]


@pytest.mark.parametrize(("name", "recipe", "field", "able"), REFUSED)
def test_a_refusal_names_the_field_and_the_version_that_can(compiled, problems, name, recipe, field, able):
    found = [f for f in problems(compiled, recipe, name, OLDER[name]) if f.code == "backend"]
    assert [".".join(map(str, f.route)) for f in found] == [field]
    assert able in found[0].suggestion
    assert found[0].span.line > 0
    compiled(recipe, name, None)


@pytest.mark.parametrize("name", BACKENDS)
def test_extra_is_held_against_the_schema_of_its_version(compiled, problems, name):
    key = {
        "axolotl": "eval_on_start",
        "llamafactory": "enable_jit_checkpoint",
        "ms-swift": "disable_ignore_empty_think",
        "trl": "activation_checkpointing",
    }[name]
    recipe = nest_value("backends", {name: {"extra": {key: True}}})
    (found,) = [f for f in problems(compiled, recipe, name, OLDER[name]) if f.severity == "error"][-1:]
    assert key in found.message


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.mark.parametrize("version", ["0.16.1", "axolotl==0.16.1"])
def test_the_command_line_takes_a_version(write_recipe, tmp_path, version):
    file, out = write_recipe(), tmp_path / "out"
    made = run("compile", file, "--backend", "axolotl", "--backend-version", version, "-o", out)
    assert made.exit_code == 0, made.output
    assert "sdp_attention: true" in (out / "axolotl/train.yaml").read_text("utf-8")
    assert run("show", file, "--resolved", "--backend", "axolotl", "--backend-version", version).exit_code == 0
    assert run("lint", file, "--backend", "axolotl", "--backend-version", version).exit_code == 0


@pytest.mark.parametrize("command", ["compile", "lint", "show"])
@pytest.mark.parametrize("version", ["0.1", "ms-swift==4.6.0", "axolotl==9", ""])
def test_an_unknown_version_is_a_wrong_call_and_the_known_are_listed(write_recipe, command, version):
    more = ["--resolved"] if command == "show" else []
    made = run(command, write_recipe(), *more, "--backend", "axolotl", "--backend-version", version)
    assert made.exit_code == 2
    assert "known: 0.21.0, 0.16.1" in made.stderr


def test_a_version_is_one_frameworks(write_recipe):
    assert run("compile", write_recipe(), "--backend", "all", "--backend-version", "0.16.1").exit_code == 2


@pytest.mark.parametrize("name", BACKENDS)
def test_every_version_has_its_schema(name):
    for version in load_backend(name).versions:
        assert load_backend_version(name, version).load_schema()["x-version"] == version
    with pytest.raises(UnknownBackendError):
        load_backend_version(name, "0.0.1")


@pytest.mark.parametrize("text", ["x", "=1", "training..epochs=1"])
@pytest.mark.parametrize("command", ["compile", "lint", "show"])
def test_a_malformed_set_is_a_wrong_call(write_recipe, command, text):
    made = run(command, write_recipe(), *(["--backend", "axolotl"] if command == "compile" else []), "--set", text)
    assert made.exit_code == 2
    assert "FIELD=VALUE" in made.stderr


def test_a_model_type_that_the_framework_does_not_know_is_refused_at_the_model(tmp_path, problems):
    import json

    folder = tmp_path / "model"
    folder.mkdir()
    shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
             "intermediate_size": 128, "vocab_size": 512, "max_position_embeddings": 4096, "head_dim": 16,
             "tie_word_embeddings": True}  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen3_unheard_of", **shape}), "utf-8")
    file = tmp_path / "r.yaml"
    file.write_text("version: 1\nmodel: ./model\ndata: {train: rows.jsonl}\n", "utf-8")
    found = problems(compile_recipe, load_recipe(str(file)), load_backend("ms-swift"), tmp_path / "out")
    refused = [f for f in found if f.severity == "error"]
    assert [f.route for f in refused] == [("model", "id")]
    assert refused[0].span.line == 2
    assert "qwen3_unheard_of" in refused[0].message


@pytest.mark.parametrize("name", BACKENDS)
def test_every_older_schema_has_the_pins_that_it_was_taken_with(name):
    for version in load_backend(name).older_versions:
        pins = (ROOT / f"schemas/extractors/older/{name}-{version}.txt").read_text("utf-8").splitlines()
        assert pins[0] == f"{name}=={version}"
        assert all("==" in pin for pin in pins), "exact, so that the schema can be taken again"
