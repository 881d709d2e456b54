"""torchtune, of a git revision: what is compiled keeps to the recorded signatures, the rest is refused by name."""

from __future__ import annotations

import json

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.torchtune.labelled_rows import LabelledRows, order_rows
from qwen_recipes.compile import compile_recipe
from qwen_recipes.compile.field_probes import add_required_values, nest_value
from qwen_recipes.compile.validate_output import InvalidOutputError, check_schema
from qwen_recipes.finding import RecipeError
from qwen_recipes.resolve.choose_backend import choose_backends
from tests.conftest import deep_merge

TORCHTUNE = load_backend("torchtune")
CONFIG = TORCHTUNE.list_output_files(None)[0]
REFUSED = {
    "training.weights_dtype": ("float32", "bfloat16"),
    "training.save_every": (100, "saves at its end"),
    "training.optimizer": ("adamw_8bit", "AdamW"),
    "training.scheduler": ("linear", "cosine"),
    "training.compile": (True, "pytorch#156103"),
    "training.packing": (True, "packing"),
    "data.validation": (0.1, "evaluation"),
    "objective.type": ("dpo", "only SFT"),
    "method.variant": ("dora", "adapter_config.json"),
    "method.rslora": (True, "rsLoRA"),
    "method.targets": (["q_proj", "up_proj"], "all three modules"),
    "quantization.bits": (8, "NF4"),
    "hardware.gpus": (2, "single-device"),
    "model.id": ("Qwen/Qwen3-30B-A3B", "only the dense models"),
}


@pytest.fixture
def compiled(loaded, tmp_path):
    """The files of a recipe that has what torchtune asks for."""
    return lambda changes: (
        compile_recipe(loaded(add_required_values(TORCHTUNE, changes)), TORCHTUNE, tmp_path / "out").files
    )


def read_config(files):
    return yaml.safe_load(files["train.yaml"])


@pytest.mark.parametrize("field", REFUSED)
def test_what_is_not_compiled_is_refused_with_those_who_can(field, compiled):
    value, why = REFUSED[field]
    with pytest.raises(RecipeError) as refused:
        compiled(nest_value(field, value))
    found = next(one for one in refused.value.findings if f"`{field}`" in one.message)
    assert why in found.why and "support" in found.suggestion


def test_it_says_the_revision(compiled):
    files = compiled({})
    for name in ("train.yaml", "run.sh"):
        assert "torchtune 0.7.0+bd2a0fc7c" in files[name] and "no release has Qwen3" in files[name]


@pytest.mark.parametrize(
    "name, rope, positions, tied",
    [
        ("Qwen/Qwen3-4B", 1e6, 40960, True),
        ("Qwen/Qwen3-4B-Instruct-2507", 5e6, 262144, True),
        ("Qwen/Qwen3-8B-Base", 1e6, 32768, False),
    ],
)
def test_every_size_is_the_models_own(name, rope, positions, tied, compiled):
    """torchtune's own builders would train the 2507 models with another RoPE base."""
    model = read_config(compiled({"model": {"id": name}}))["model"]
    assert (model["rope_base"], model["max_seq_len"], model["tie_word_embeddings"]) == (rope, positions, tied)
    assert model["q_norm"] and model["k_norm"] and not model["q_proj_bias"]


def test_qlora_and_the_attention_output(compiled):
    method = {"type": "qlora", "targets": ["q_proj", "o_proj"], "rank": 8}
    model = read_config(compiled({"method": method, "allow": {"QR201": "to see"}}))["model"]
    assert model["quantize_base"] is True and model["lora_rank"] == 8
    assert (model["lora_attn_modules"], model["apply_lora_to_mlp"]) == (["q_proj", "output_proj"], False)


def test_the_whole_model(compiled):
    files = compiled({"method": {"type": "full"}, "training": {"learning_rate": 1e-5}, "allow": {"QR423": "to see"}})
    assert "full_finetune_single_device" in files["run.sh"]
    model = read_config(files)["model"]
    assert model["_component_"].endswith(".qwen3") and not any(key.startswith("lora") for key in model)


def test_the_last_token_and_compile(compiled):
    config = read_config(compiled({}))
    assert config["tokenizer"]["max_seq_len"] is None, "a number would mask the last token"
    assert config["compile"] is False


@pytest.mark.parametrize(
    "section, key, value",
    [
        ("model", "lora_rnk", 8),
        ("model", "lora_rank", "eight"),
        ("tokenizer", "merges", "x"),
        ("checkpointer", "checkpoint_folder", "x"),
        ("lr_scheduler", "warmup", 3),
        ("loss", "chunks", 3),
        ("optimizer", "rate", 1.0),
        ("dataset", "packed", True),
    ],
)
def test_the_signatures_refuse_what_a_builder_does_not_take(section, key, value, compiled):
    config = read_config(compiled({}))
    check_schema(TORCHTUNE, CONFIG, config)
    config[section][key] = value
    with pytest.raises(InvalidOutputError):
        check_schema(TORCHTUNE, CONFIG, config)


@pytest.mark.parametrize(
    "section, key", [("model", "embed_dim"), ("tokenizer", "merges_file"), ("model", "lora_alpha")]
)
def test_the_signatures_miss_what_a_builder_needs(section, key, compiled):
    config = read_config(compiled({}))
    del config[section][key]
    with pytest.raises(InvalidOutputError):
        check_schema(TORCHTUNE, CONFIG, config)


@pytest.mark.parametrize("extra", [{"lora_rank": 4}, {"model": {"lora_rank": 4}}, {"compile": True}, {"epochs": 3}])
def test_native_keys_cannot_contradict_the_recipe(extra, compiled):
    with pytest.raises(RecipeError):
        compiled({"backends": {"torchtune": {"extra": extra}}})


def test_a_key_that_no_field_has(compiled):
    config = read_config(compiled({"backends": {"torchtune": {"extra": {"log_peak_memory_stats": True}}}}))
    assert config["log_peak_memory_stats"] is True


def test_all_leaves_it_out(loaded):
    recipes, _ = choose_backends(loaded(deep_merge(add_required_values(TORCHTUNE, {}), {})), "all")
    assert "torchtune" not in {one.backend.name for one in recipes}


def test_rows_are_shifted_and_the_last_answer_token_is_kept(tmp_path):
    row = {"input_ids": [5, 6, 7, 8], "attention_mask": [1] * 4, "labels": [-100, -100, 7, 8]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    rows = LabelledRows(None, str(tmp_path / "train.jsonl"), seed=1, steps=2, examples_per_step=2)
    assert len(rows) == 4
    assert rows[3] == {"tokens": [5, 6, 7, 8], "labels": [-100, 7, 8, -100]}


def test_each_pass_has_every_row_and_an_order_of_its_own():
    order = order_rows(50, seed=3, count=120)
    assert sorted(order[:50]) == sorted(order[50:100]) == list(range(50))
    assert order[:50] != order[50:100] and len(order) == 120
    assert order == order_rows(50, seed=3, count=120) != order_rows(50, seed=4, count=120)


def test_no_rows(tmp_path):
    (tmp_path / "train.jsonl").write_text("", "utf-8")
    with pytest.raises(ValueError, match="no rows"):
        LabelledRows(None, str(tmp_path / "train.jsonl"), 1, 1, 1)
