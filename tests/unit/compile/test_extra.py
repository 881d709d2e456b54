"""Native keys: they replace, they come last, and they never contradict the recipe or the framework."""

from __future__ import annotations

import json

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.compile.extra_keys import (
    append_extra_keys,
    find_extra_conflicts,
    join_values,
    select_replacing_keys,
)
from tests.conftest import BACKENDS, ROOT, deep_merge, nest_value

CONFIGS = sorted((ROOT / "tests/golden").glob("*/*/train.yaml"))


@pytest.fixture
def compiled(loaded, tmp_path):
    return lambda recipe, backend: compile_recipe(loaded(recipe), load_backend(backend), tmp_path / "out").files


@pytest.mark.parametrize("file", CONFIGS, ids=lambda f: "-".join(f.parts[-3:-1]))
def test_each_key_can_be_replaced_and_nothing_else_changes(file):
    text = file.read_text("utf-8")
    before = yaml.safe_load(text)
    for key in before:
        after = yaml.safe_load(append_extra_keys(text, {key: "new"}, "axolotl"))
        assert after == {**before, key: "new"}
        assert list(after)[-1] == key
    assert yaml.safe_load(append_extra_keys(text, dict.fromkeys(before, 1), "axolotl")) == dict.fromkeys(before, 1)


def test_no_extra_no_change():
    assert append_extra_keys("a: 1\n", {}, "axolotl") == "a: 1\n"


def test_a_key_that_begins_like_another_stays():
    text = "lora_r: 8\nlora_rank: 9\n# lora_r: 3\nx:\n  lora_r: 4\n"
    assert yaml.safe_load(append_extra_keys(text, {"lora_r": 1}, "b")) == {
        "lora_rank": 9,
        "x": {"lora_r": 4},
        "lora_r": 1,
    }


def test_lists_at_the_margin_are_part_of_their_key():
    text = "a:\n- 1\n-\n  b: 2\n\nc: 3\n"
    assert yaml.safe_load(append_extra_keys(text, {"a": 9}, "b")) == {"a": 9, "c": 3}


def test_conflicts():
    keys = {"lora_r": {"method.rank"}, "datasets[].path": {"data.train"}, "seed": {"training.seed"}, "x": set()}
    asked = {"method.rank": "method.rank", "data.train": "data.train"}
    assert find_extra_conflicts({"lora_r": 1, "datasets": 1, "seed": 1, "x": 1, "y": 1}, keys, asked) == {
        "lora_r": "method.rank",
        "datasets": "data.train",
    }


GOVERNED = [
    ("axolotl", "datasets", [{"path": "x.jsonl", "type": "alpaca"}], {}, "data.train"),
    ("axolotl", "test_datasets", [{"path": "x"}], nest_value("data.validation", 0.1), "data.validation"),
    ("axolotl", "base_model", "other", {}, "model.id"),
    ("axolotl", "learning_rate", 1e-3, nest_value("training.learning_rate", 1e-4), "training.learning_rate"),
    ("axolotl", "load_in_4bit", False, nest_value("method", "qlora"), "method.type"),
    ("axolotl", "bnb_config_kwargs.bnb_4bit_quant_type", "nf4", nest_value("quantization", {"type": "fp4"}),
     "quantization.type"),
    ("axolotl", "save_strategy", "no", nest_value("training.save_every", 5), "training.save_every"),
    ("axolotl", "attn_implementation", "eager", nest_value("training.attention", "sdpa"), "training.attention"),
    ("llamafactory", "dataset", "other", {}, "data.train"),
    ("llamafactory", "lora_target", "q_proj", nest_value("method.targets", "all-linear"), "method.targets"),
    ("llamafactory", "disable_gradient_checkpointing", True, nest_value("training.gradient_checkpointing", True),
     "training.gradient_checkpointing"),
    ("llamafactory", "eval_strategy", "no",
     {**nest_value("data.validation", 0.1), **nest_value("training.evaluate_every", 5)}, "training.evaluate_every"),
    ("llamafactory", "mask_history", True, nest_value("chat.train_on", "assistant"), "chat.train_on"),
    ("ms-swift", "dataset", ["other"], {}, "data.train"),
    ("axolotl", "lora_alpha", 64, nest_value("method.rank", 8), "method.rank"),
    ("llamafactory", "lora_alpha", 64, nest_value("method.rank", 8), "method.rank"),
    ("ms-swift", "lora_alpha", 64, nest_value("method.rank", 8), "method.rank"),
    ("ms-swift", "loss_scale", "all", nest_value("chat.thinking", "train-empty"), "chat.thinking"),
    ("axolotl", "warmup_ratio", 0.1, nest_value("training.warmup_steps", 9), "training.warmup_steps"),
    ("axolotl", "fp16", True, nest_value("training.precision", "fp32"), "training.precision"),
    ("ms-swift", "max_steps", 5, nest_value("training.steps", 9), "training.steps"),
    ("ms-swift", "loss_scale", "all", nest_value("chat.train_on", "assistant"), "chat.train_on"),
    ("ms-swift", "val_dataset", ["other"], nest_value("data.validation", 0.1), "data.validation"),
    ("ms-swift", "per_device_train_batch_size", 3, nest_value("training.micro_batch_size", 2),
     "training.micro_batch_size"),
    ("ms-swift", "gradient_accumulation_steps", 3, nest_value("training.batch_size", 4),
     "training.batch_size.examples"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "key", "value", "recipe", "field"), GOVERNED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_native_key_that_a_field_governs_is_refused(loaded, problems, tmp_path, backend, key, value, recipe, field):
    whole = deep_merge(recipe, nest_value("backends", {backend: {"extra": nest_value(key, value)}}))
    (found,) = problems(compile_recipe, loaded(whole), load_backend(backend), tmp_path)
    assert found.message == f"`{key}` contradicts `{field}` of the recipe"
    assert found.route == ("backends", backend, "extra", *key.split("."))
    assert found.span.line > 5


@pytest.mark.parametrize(
    ("backend", "key", "own"),
    [
        ("axolotl", "plugins", "mine.Plugin"),
        ("ms-swift", "external_plugins", "mine.py"),
        ("ms-swift", "callbacks", "mine"),
    ],
)
def test_plugins_and_callbacks_stand_beside_ours(compiled, backend, key, own):
    recipe = {"objective": "reward", "data": {"train": "data/preferences.jsonl"}}
    alone = yaml.safe_load(compiled(recipe, backend)["train.yaml"])[key]
    extra = {"backends": {backend: {"extra": {key: [alone[0], own]}}}}
    assert alone and yaml.safe_load(compiled({**recipe, **extra}, backend)["train.yaml"])[key] == [*alone, own]


def test_a_list_that_is_not_joined_takes_the_place_of_ours():
    compiled = {"plugins": ["ours"], "callbacks": ["ours"]}
    extra = {"plugins": ["theirs", "ours"], "callbacks": ["theirs"]}
    assert join_values(extra, compiled, {"plugins"}) == {"plugins": ["ours", "theirs"], "callbacks": ["theirs"]}
    assert select_replacing_keys({**extra, "plugins": "theirs"}, compiled, {"plugins"}) == {
        **extra,
        "plugins": "theirs",
    }


GRPO = {"objective": {"type": "grpo", "rewards": [{"path": "data/rewards.py", "function": "length"}]}}


def test_a_map_adds_to_the_compiled_map(compiled):
    recipe = {**GRPO, "data": {"train": [{"path": "data/prompts.jsonl", "format": "prompt"}]}}
    alone = yaml.safe_load(compiled(recipe, "axolotl")["train.yaml"])["trl"]
    more = {"mask_truncated_completions": True, "beta": alone["beta"]}
    made = compiled({**recipe, **nest_value("backends.axolotl.extra.trl", more)}, "axolotl")["train.yaml"]
    assert yaml.safe_load(made)["trl"] == {**alone, "mask_truncated_completions": True}


@pytest.mark.parametrize(
    ("objective", "backend", "extra", "key", "says", "write"),
    [
        (GRPO, "axolotl", {"trl": {"temperature": 0.3}}, "trl.temperature", "objective.type", "objective.temperature"),
        ({"objective": "kto"}, "ms-swift", {"desirable_weight": 1.2}, "desirable_weight", "objective.type",
         "objective.desirable_weight"),
        ({"objective": "dpo"}, "llamafactory", {"pref_ftx": 0.1}, "pref_ftx", "objective.type",
         "objective.sft_weight"),
        (nest_value("method.rank", 8), "axolotl", {"lora_alpha": 64}, "lora_alpha", "method.rank", "method.alpha"),
    ],
)  # fmt: skip
def test_the_help_names_the_field_that_says_the_same(
    loaded, problems, tmp_path, objective, backend, extra, key, says, write
):
    recipe = deep_merge(objective, nest_value("backends", {backend: {"extra": extra}}))
    (found,) = problems(compile_recipe, loaded(recipe), load_backend(backend), tmp_path)
    assert found.message == f"`{key}` contradicts `{says}` of the recipe"
    assert found.suggestion == f"remove the native key and set `{write}`"


def test_what_only_adds_is_allowed(compiled):
    extra = {"lora_mlp_kernel": True, "group_by_length": True, "val_set_size": 0, "seed": 42, "max_steps": None}
    made = compiled(nest_value("backends.axolotl.extra", extra), "axolotl")["train.yaml"]
    assert yaml.safe_load(made).items() >= extra.items()
    assert made.count("lora_mlp_kernel") == 1
    assert "# From backends.axolotl.extra\n" in made


CONTRADICTED = [
    ("axolotl", "noisy_embedding_alpha", 5, "training.neftune"),
    ("axolotl", "jagged_restart_steps", 10, "training.scheduler"),
    ("axolotl", "use_eaft", True, "objective.type"),
    ("llamafactory", "train_from_scratch", True, "model.id"),
    ("ms-swift", "cached_dataset", ["x"], "data.train"),
    ("ms-swift", "lora_dtype", "float16", "training.weights_dtype"),
    ("ms-swift", "enable_dft_loss", True, "objective.type"),
    ("axolotl", "sequence_len", 4096, "training.sequence_length"),
    ("axolotl", "excess_length_strategy", "truncate", "training.overlong"),
    ("axolotl", "seed", 1, "training.seed"),
    ("axolotl", "train_on_inputs", True, "chat.train_on"),
    ("axolotl", "learning_rate", 0.001, "training.learning_rate"),
    ("axolotl", "dataset_exact_deduplication", True, "data.train"),
    ("axolotl", "max_grad_norm", 0.3, "training.max_grad_norm"),
    ("axolotl", "val_set_size", 0.1, "data.validation"),
    ("axolotl", "max_steps", 4, "training.steps"),
    ("axolotl", "load_in_8bit", True, "quantization.bits"),
    ("axolotl", "gradient_checkpointing_kwargs.use_reentrant", True, "training.gradient_checkpointing"),
    ("llamafactory", "cutoff_len", 4096, "training.sequence_length"),
    ("llamafactory", "seed", 1, "training.seed"),
    ("llamafactory", "val_size", 0.1, "data.validation"),
    ("llamafactory", "max_samples", 5, "data.train[].limit"),
    ("llamafactory", "mask_history", True, "chat.train_on"),
    ("llamafactory", "train_on_prompt", True, "chat.train_on"),
    ("llamafactory", "resize_vocab", True, "model.id"),
    ("llamafactory", "pure_bf16", True, "training.weights_dtype"),
    ("trl", "max_length", 4096, "training.sequence_length"),
    ("trl", "assistant_only_loss", True, "chat.train_on"),
    ("trl", "use_peft", False, "method.type"),
    ("ms-swift", "max_length", 4096, "training.sequence_length"),
    ("ms-swift", "seed", 1, "training.seed"),
    ("ms-swift", "max_steps", 4, "training.steps"),
    ("ms-swift", "split_dataset_ratio", 0.1, "data.validation"),
    ("ms-swift", "loss_scale", "all", "chat.train_on"),
    ("ms-swift", "truncation_strategy", "right", "training.overlong"),
    ("ms-swift", "lora_rank", 3, "method.rank"),
]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_recipe_resolves_to_is_not_contradicted(loaded, problems, tmp_path, backend):
    wanted = {key: (value, field) for name, key, value, field in CONTRADICTED if name == backend}
    extra = [nest_value(key, value) for key, (value, _) in wanted.items()]
    recipe = nest_value("backends", {backend: {"extra": {key: one[key] for one in extra for key in one}}})
    recipe |= {"allow": {"QR709": "each key is looked at by itself"}}
    found = problems(compile_recipe, loaded(recipe), load_backend(backend), tmp_path)
    said = {".".join(f.route[3:]): f.message for f in found}
    assert said == {key: f"`{key}` contradicts `{field}` of the recipe" for key, (_, field) in wanted.items()}
    assert len({f.span.line for f in found}) == len(wanted)


@pytest.mark.parametrize("backend", BACKENDS)
def test_keys_that_fields_speak_for_are_keys_of_the_framework(backend):
    from qwen_recipes.recipe.field_index import index_fields

    one = load_backend(backend)
    schema = one.load_schema()
    known = set(schema["properties"]).union(*(part.get("properties", {}) for part in schema.get("$defs", {}).values()))
    older = [set(one.at_version(v).load_schema()["properties"]) for v in one.versions]
    listed = {key for keys in one.keys_by_field.values() for key in keys}
    assert listed - known.union(*older) == set()
    assert set(one.keys_by_field) - set(index_fields()) == set()


@pytest.mark.parametrize(
    ("recipe", "extra", "refused"),
    [
        (
            {"objective": {"type": "grpo", "rewards": [{"path": "a.py", "function": "f"}]}},
            {"async_generate": True},
            None,
        ),
        ({"objective": {"type": "kto"}}, {"ref_model": "x"}, None),
        ({}, {"num_generations": 4}, "swift sft"),
        ({"hardware": {"gpus": 4, "strategy": "megatron"}}, {"overlap_grad_reduce": True}, None),
        ({"hardware": {"gpus": 4, "strategy": "megatron"}}, {"per_device_train_batch_size": 4}, "megatron sft"),
        ({"objective": {"type": "pretrain"}}, {"num_generations": 4}, "swift pt"),
    ],
)
def test_extra_is_judged_against_the_command_that_is_compiled(loaded, problems, tmp_path, recipe, extra, refused):
    made = loaded(deep_merge(recipe, nest_value("backends.ms-swift.extra", extra)))
    if refused is None:
        told = yaml.safe_load(compile_recipe(made, load_backend("ms-swift"), tmp_path).files["train.yaml"])
        assert told.items() >= extra.items()
        return
    found = problems(compile_recipe, made, load_backend("ms-swift"), tmp_path)
    assert any(refused in finding.message for finding in found)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_framework_refuses_what_it_does_not_know_at_its_line(loaded, problems, tmp_path, backend):
    extra = {"lerning_rate": 1, "zzz": {"a": 1}}
    recipe = nest_value("backends", {backend: {"extra": extra}})
    found = problems(compile_recipe, loaded(recipe), load_backend(backend), tmp_path)
    assert {f.route[-1] for f in found} == set(extra)
    assert len({f.span.line for f in found}) == 2
    assert any("did you mean `learning_rate`" in f.message + f.suggestion for f in found)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_framework_refuses_a_wrong_type_at_its_line(loaded, problems, tmp_path, backend):
    extra = {"weight_decay": [1], "seed": [2]}
    recipe = nest_value("backends", {backend: {"extra": extra}})
    found = problems(compile_recipe, loaded(recipe), load_backend(backend), tmp_path)
    assert {f.route[-1] for f in found} == set(extra)
    assert len({f.span.line for f in found}) == 2
    assert {f.code for f in found} <= {"backend", "QR708"}


@pytest.mark.parametrize(
    "value", [{"a": [1, 2, {"b": None}]}, "a: b", "multi\nline", [], "", "no", "🦜", 0.25, {"y": "y"}]
)
def test_any_value_arrives(compiled, value):
    recipe = nest_value("backends.axolotl.extra", {"lr_scheduler_kwargs": {"x": value}})
    made = yaml.safe_load(compiled(recipe, "axolotl")["train.yaml"])
    assert json.dumps(made["lr_scheduler_kwargs"]) == json.dumps({"x": value})
